"""What the product asks of the forge is what the contracts describe, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from amcloud.clients import forge_state, services
from amcloud.clients.deployments import GitlabDeployments
from amcloud.clients.discussion import GitlabDiscussion
from amcloud.clients.forge import GitlabForge
from amcloud.clients.forge_link import ForgeLink
from amcloud.stages.declared.app import Ref, RefKind, StageName
from amcloud.stages.report import CommitState, CommitStatus
from amcloud.stages.to_forge import forge_link as link
from amcloud.stages.to_forge.contests import marker
from amcloud.stages.to_forge.deployments import Deployment, Records, State
from amcloud_sandbox.testing.forge import CI_FILE, RunningForge, running_forge

from .contracts import ENDPOINTS

PATH, NORMS = "cpam-bas-rhin/suivi-courriers", "normes/psram"
HOOK = "http://127.0.0.1:9/webhooks/gitlab"
FAILED = CommitStatus("amcloud/psram", CommitState.FAILED, "1 règle bloquante", "http://rapports.example/1")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every request of the product's clients, each of whose methods is called once."""
    with running_forge(Path(tmp_path_factory.mktemp("forge"))) as forge:
        return everything(forge)


def everything(forge: RunningForge) -> list[dict[str, Any]]:
    project, norms = forge.project(PATH, maintainers=("amcloud",)), forge.project(NORMS, maintainers=("amcloud",))
    commit = forge.commit(PATH, {".gitlab-ci.yml": CI_FILE, "src/A.php": "<?php\n"})
    head = forge.commit(PATH, {"src/B.php": "<?php\n"}, branch="essai")
    failed = forge.finish_pipeline(project.id, head, jobs={"tests": "failed", "build-image": "skipped"})
    skipped = forge.commit(PATH, {"src/C.php": "<?php\n"}, branch="essai", message="Rien [skip ci]")
    forge.finish_pipeline(project.id, commit, image={"image": "x", "digest": "y", "revision": commit})
    project.tags.create({"tag_name": "v1", "ref": "main"})
    project.mergerequests.create({"source_branch": "essai", "target_branch": "main", "title": "Essai"})
    assert failed and norms
    begun = forge.requests()[-1]["id"]

    gitlab = GitlabForge(forge.url, forge.user("amcloud"))
    reviewed(gitlab, commit, (head, skipped))
    discussed(gitlab, commit, forge)
    deployed(gitlab, commit)
    linked(gitlab)
    forge_state.read(gitlab.calls, PATH)
    services.forge(forge.url, forge.user("amcloud"))
    return [one for one in forge.requests("/api/v4/*", since=begun) if one["agent"].startswith("python-")]


def reviewed(gitlab: GitlabForge, commit: str, others: tuple[str, ...]) -> None:
    gitlab.set_status(PATH, others[-1], FAILED)  # its pipeline, skipped, fails by that
    *_, pipeline = gitlab.pipelines(PATH, commit)
    for other in others:
        gitlab.pipelines(PATH, other)
    gitlab.pipeline_evidence(PATH, pipeline, commit)
    gitlab.start_pipeline(PATH, "main", commit, "envoi")
    gitlab.project_evidence(PATH, commit)
    gitlab.set_status(PATH, commit, FAILED)
    gitlab.active_projects(datetime.now(UTC))
    (request,) = gitlab.merge_requests(PATH)
    gitlab.merge_request_commits(PATH, request)


def discussed(gitlab: GitlabForge, commit: str, forge: RunningForge) -> None:
    talk, (request,) = GitlabDiscussion(gitlab.calls, norms_project=NORMS), gitlab.merge_requests(PATH)
    for body in ("<!-- note -->\nun", "<!-- note -->\ndeux"):
        talk.tell(PATH, request, "<!-- note -->", body)
    talk.notes(PATH, request)
    double: Any = gitlab.calls.project(PATH).mergerequests.get(request.iid, lazy=True)
    double.notes.create({"body": "<!-- note -->\ndeux"})
    GitlabDiscussion(gitlab.calls).tell(PATH, request, "<!-- note -->", "<!-- note -->\ndeux")
    talk.level(PATH, talk.own())
    talk.contents(PATH, commit, ["src/A.php", "absent.php"])
    first = marker(PATH, talk.number(PATH), request.iid, "SEC-001")
    for _ in range(2):
        talk.contest(PATH, "Contestation", f"{first}\nmotif")
    talk.contested(PATH, request.iid)
    for issue in forge.client().projects.get(NORMS).issues.list(get_all=True):
        issue.notes.create({"body": "réponse"})
    GitlabDiscussion(gitlab.calls, norms_project=NORMS).contested(PATH, request.iid)


def deployed(gitlab: GitlabForge, commit: str) -> None:
    places = GitlabDeployments(gitlab.calls)
    main, tag = Ref(RefKind.BRANCH, "main"), Ref(RefKind.TAG, "v*")
    for one in (
        Deployment(StageName.ACCEPTANCE, commit, main, State.RUNNING),
        Deployment(StageName.ACCEPTANCE, commit, main, State.SUCCESS, "https://exemple.fr/"),
        Deployment(StageName.PRODUCTION, commit, tag, State.SUCCESS, "https://exemple.fr/p"),
    ):
        places.record(PATH, Records((one,)))
    places.record(PATH, Records(ended=frozenset({StageName.ACCEPTANCE})))


def linked(gitlab: GitlabForge) -> None:
    tie = ForgeLink(gitlab.calls, PATH)
    wanted = link.Wanted(HOOK, "espace/nom")
    for _ in range(2):  # the second time, the token is made anew, for its Secret is not there
        for step in link.plan(tie.found(link.SecretState.ABSENT), wanted, today=date(2026, 3, 1)):
            tie.carry_out(step, url=HOOK, webhook_token="secret", today=date(2026, 3, 1))
    hook = tie.found().hooks[0]
    tie.carry_out(link.Step(link.Action.UPDATE_HOOK, "", hook.id), url=HOOK, webhook_token="s", today=date(2026, 3, 1))
    tie.test(HOOK)
    tie.carry_out(link.Step(link.Action.DELETE_HOOK, "", hook.id), url=HOOK, webhook_token="s", today=date(2026, 3, 1))


def of(path: str) -> str:
    """The path with its variable parts as ``*``, as GitLab's pages write them with names."""
    known = [re.sub(r":\w+", "*", request.split(" ")[1]) for request in ENDPOINTS]
    given = path.removeprefix("/api/v4").replace(PATH, "*").replace(NORMS, "*")
    fits = [one for one in known if re.fullmatch(re.escape(one).replace(r"\*", "[^/]+"), given)]
    fits += [one for one in known if "files" in one and re.fullmatch(re.escape(one).replace(r"\*", ".+"), given)]
    fits += [one for one in known if "artifacts" in one and re.fullmatch(re.escape(one).replace(r"\*", ".+"), given)]
    return max(fits, key=lambda one: -one.count("*"), default=given)


def test_the_product_asks_nothing_that_no_contract_describes(asked: list[dict[str, Any]]) -> None:
    described = {re.sub(r":\w+", "*", request) for request in ENDPOINTS}
    found = {f"{one['method']} {of(one['path'])}" for one in asked}
    assert sorted(found - described) == []


def test_every_contract_is_of_something_that_the_product_asks(asked: list[dict[str, Any]]) -> None:
    described = {re.sub(r":\w+", "*", request) for request in ENDPOINTS}
    found = {f"{one['method']} {of(one['path'])}" for one in asked}
    assert sorted(described - found) == []
