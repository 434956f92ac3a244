"""``amcloud doctor PROJECT``: what is wrong with a project is said with what to do; when nothing is, that too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from amcloud.clients.kubernetes_api import Api
from amcloud.doctor import PROJECT, Family, Finding, State, examine, forge_ground
from amcloud.doctor.ground import Ground
from amcloud_sandbox.testing.forge import CI_FILE, RunningForge

PATH = "cpam-bas-rhin/examine"
INCLUDE = "include: [{project: amcloud/usine, ref: v1, file: application.gitlab-ci.yml}]\n"
RUNNER = "usine logicielle (exemple)"


@pytest.fixture
def project(forge: RunningForge) -> Any:
    forge.project("amcloud/usine", visibility="internal")
    forge.commit("amcloud/usine", {"application.gitlab-ci.yml": CI_FILE})
    usine: Any = forge.client().projects.get("amcloud/usine")
    if not usine.tags.list(get_all=True):
        usine.tags.create({"tag_name": "v1", "ref": "main"})
    made = forge.project(PATH)
    forge.user("amcloud-lecteur")
    known: Any = forge.client().users.list(username="amcloud-lecteur", get_all=False)[0]
    if not [one for one in made.members.list(get_all=True) if one.id == known.id]:
        made.members.create({"user_id": known.id, "access_level": 30})
    return made


def ground(forge: RunningForge, api: Api, **more: str) -> Ground:
    names = ("DOMAIN", "REGISTRY_URL", "REGISTRY_NAME", "DATABASE_URL", "OIDC_ISSUER", "WEBHOOK_TOKEN")
    environment = {
        **{f"AMCLOUD_{name}": "exemple" for name in names},
        "AMCLOUD_FORGE_URL": forge.url,
        "AMCLOUD_FORGE_TOKEN": forge.user("amcloud-lecteur"),
        "AMCLOUD_APPROVED_TEMPLATES": "amcloud/usine@v1",
        "AMCLOUD_APPROVED_RUNNERS": RUNNER,
        **more,
    }
    forge_ground._state.cache_clear()
    return Ground(api, environment, "amcloud-system", inside=False, now=datetime.now(UTC), project=PATH)


def found(made: Ground, family: str) -> dict[str, Finding]:
    """The findings of one family, by check; of several of one name, the gravest."""

    def all_of() -> Iterator[Finding]:
        for _, findings in examine([one for one in PROJECT if one.name == family], made):
            yield from findings

    worst: dict[str, Finding] = {}
    for one in all_of():
        if one.check not in worst or worst[one.check].state is State.OK:
            worst[one.check] = one
    return worst


def test_every_family_has_a_module_and_a_title() -> None:
    assert [family.name for family in PROJECT] == ["project", "hook", "ci", "localapp"]
    assert all(isinstance(family, Family) and family.title for family in PROJECT)


def test_a_project_in_order_has_nothing_to_mend(forge: RunningForge, api: Api, project: Any) -> None:
    commit = forge.commit(PATH, {".gitlab-ci.yml": INCLUDE})
    forge.finish_pipeline(project.id, commit)
    here = ground(forge, api)
    # this control plane knows no LocalApp: who follows the project is examined in tests/integration/operator
    assert {one.state for name, one in found(here, "project").items() if name != "project"} == {State.OK}
    ci = found(here, "ci")
    assert ci["ci-file"].state is State.OK and ci["ci-template"].state is State.OK


def test_a_project_that_is_not_there_is_told_once_a_family(forge: RunningForge, api: Api) -> None:
    here = ground(forge, api)
    here = Ground(api, here.environment, here.namespace, here.inside, here.now, "cpam-bas-rhin/inconnu")
    missing = found(here, "project")["project"]
    assert missing.state is State.ERROR and "inconnu" in missing.said and "membre" in missing.remedy
    assert found(here, "hook") == found(here, "ci") == {}, "said once"


def test_a_ci_file_without_the_template_is_an_error_that_gives_the_line(
    forge: RunningForge, api: Api, project: Any
) -> None:
    forge.commit(PATH, {".gitlab-ci.yml": "seul: {script: [true]}\n"})
    wrong = found(ground(forge, api), "ci")["ci-template"]
    assert wrong.state is State.ERROR and "amcloud/usine" in wrong.remedy and "ref: v1" in wrong.remedy


def test_the_norms_project_is_examined_as_what_it_is(forge: RunningForge, api: Api) -> None:
    norms = forge.project("amcloud/normes-examinees", visibility="internal")
    forge.user("amcloud-lecteur")
    reader: Any = forge.client().users.list(username="amcloud-lecteur", get_all=False)[0]
    here = ground(
        forge, api, AMCLOUD_NORMS_PROJECT="AMCloud/Normes-Examinees", AMCLOUD_FORGE_TOKEN=forge.user("amcloud-lecteur")
    )
    here = Ground(api, here.environment, here.namespace, here.inside, here.now, norms.path_with_namespace)
    stranger = found(here, "project")["project-rights"]
    assert stranger.state is State.ERROR and "Reporter du projet des normes" in stranger.said
    norms.members.create({"user_id": reader.id, "access_level": 20})
    forge_ground._state.cache_clear()
    alone = found(here, "project")
    assert alone["project-rights"].state is State.OK
    assert set(alone) == {"project-name", "project-archived", "project-rights"} and found(here, "ci") == {}


def test_a_project_without_a_commit_is_said_to_be_empty(forge: RunningForge, api: Api) -> None:
    empty = forge.project("cpam-bas-rhin/vide-examine", maintainers=("amcloud-lecteur",))
    here = ground(forge, api)
    here = Ground(api, here.environment, here.namespace, here.inside, here.now, empty.path_with_namespace)
    assert found(here, "project")["project-name"].state is State.OK
    assert "le dépôt est vide" in found(here, "ci")["ci-file"].said


def test_an_invalid_ci_file_is_told_with_the_forge_s_words(forge: RunningForge, api: Api, project: Any) -> None:
    forge.commit(PATH, {".gitlab-ci.yml": "include: [{project: amcloud/absent, file: x.yml}]\n"})
    assert found(ground(forge, api), "ci")["ci-file"].state is State.ERROR


def test_a_runner_that_nobody_approved_is_an_error(forge: RunningForge, api: Api, project: Any) -> None:
    commit = forge.commit(PATH, {".gitlab-ci.yml": CI_FILE})
    (pipeline,) = [p for p in project.pipelines.list(sha=commit, get_all=True) if p.source != "external"]
    body = {"jobs": {"tests": "success", "build-image": "success"}, "runner": "machine d'un développeur"}
    forge.internal("POST", f"/pipelines/{pipeline.id}/finish", body)
    wrong = found(ground(forge, api), "ci")["ci-runner"]
    assert wrong.state is State.ERROR and "machine d'un développeur" in wrong.said


def test_an_archived_project_is_an_error_and_a_renamed_one_a_warning(
    forge: RunningForge, api: Api, project: Any
) -> None:
    forge.commit(PATH, {"a": "1"})
    project.archive()
    try:
        assert found(ground(forge, api), "project")["project-archived"].state is State.ERROR
    finally:
        project.unarchive()
    forge.client().projects.update(project.id, {"path": "renomme"})
    try:
        renamed = found(ground(forge, api), "project")["project-name"]
        assert renamed.state is State.WARNING and "cpam-bas-rhin/renomme" in renamed.said
    finally:
        forge.client().projects.update(project.id, {"path": "examine"})


def test_hooks_that_only_maintainers_may_see_are_said_to_be_so(forge: RunningForge, api: Api, project: Any) -> None:
    hook = found(ground(forge, api), "hook")["hook"]
    assert hook.state is State.UNKNOWN and "amcloud forge connect" in hook.remedy


def test_a_maintainer_s_token_sees_that_the_hook_is_missing_or_not_heard(
    forge: RunningForge, api: Api, project: Any
) -> None:
    forge.commit(PATH, {"a": "1"})
    url = "http://127.0.0.1:9/webhooks/gitlab"
    here = ground(forge, api, AMCLOUD_FORGE_TOKEN=forge.root_token, AMCLOUD_WEBHOOK_URL=url)
    assert found(here, "hook")["hook"].state is State.ERROR
    made = project.hooks.create(
        {"url": url, "push_events": True, "tag_push_events": True, "merge_requests_events": True,
         "note_events": True, "pipeline_events": True}
    )  # fmt: skip
    try:
        forge.commit(PATH, {"a": "2"})
        forge.wait_deliveries()
        heard = found(here, "hook")
        assert heard["hook"].state is State.OK
        assert heard["hook-deliveries"].state is State.ERROR and "internal error" in heard["hook-deliveries"].said
    finally:
        made.delete()
