"""For each failure of forge, registry and pipeline: what the developer reads, what the operator reads, how it ends.

The rows of docs/pannes.md are these tests, by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from amcloud_failures import Scene
from amcloud_oci import running_registry
from amcloud_samples import image_of

from amcloud.clients.registry import OciRegistry
from amcloud_sandbox.testing.forge import RunningForge

PAGE = Path(__file__).parents[3] / "docs" / "pannes.md"
REGISTRY = "INDISPONIBLE : le registre localhost:5000\n"


@pytest.fixture
def scene(forge: RunningForge, tmp_path: Path) -> Iterator[Scene]:
    yield Scene(forge, tmp_path)
    forge.fail()


def test_every_row_of_the_page_is_a_test_and_every_test_a_row() -> None:
    rows = set(re.findall(r"^\| `([a-z0-9-]+)`", PAGE.read_text(encoding="utf-8"), re.M))
    tests = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    tests -= {"every-row-of-the-page-is-a-test-and-every-test-a-row", "forge-en-panne"}
    assert rows == tests | set(FORGE)


FORGE: dict[str, dict[str, Any]] = {
    "forge-5xx": {"kind": "status", "status": 503},
    "forge-409": {"kind": "status", "status": 409},
    "forge-coupee": {"kind": "reset"},
    "forge-muette": {"kind": "hang", "delay_s": 5},
    "forge-reponse-tronquee": {"kind": "truncated"},
    "forge-page-html": {"kind": "html"},
    "forge-limite": {"kind": "rate-limit", "retry_after_s": 120},
}


@pytest.mark.parametrize("name", FORGE)
def test_forge_en_panne(scene: Scene, forge: RunningForge, name: str) -> None:
    commit = scene.push()
    scene.built(commit)
    scene.gitlab.calls.gitlab.timeout = 0.5
    forge.fail({"path": "/api/*", **FORGE[name]})
    scene.waits(3)
    assert scene.ready()[:2] == ("Unknown", "ForgeUnavailable")
    assert "<html" not in scene.ready()[2]
    forge.fail()
    assert scene.reads(commit) == {}, "nothing could be said"
    scene.serves(commit)


def test_git_en_panne(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    forge.fail({"path": "*.git/*", "kind": "status", "status": 503})
    scene.waits(2)
    assert scene.ready()[:2] == ("Unknown", "ForgeUnavailable")
    forge.fail()
    scene.built(commit)
    scene.serves(commit)


def test_jeton_operateur_renouvele(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    good = scene.token_file.read_text(encoding="utf-8")
    scene.token_file.write_text("glpat-perime", encoding="utf-8")
    scene.gitlab.calls._new_token()
    scene.waits(2)
    status, reason, message = scene.ready()
    assert (status, reason) == ("False", "BrokenInstallation")
    assert "AMCLOUD_FORGE_TOKEN" in message and "glpat" not in message
    scene.token_file.write_text(good, encoding="utf-8")  # the Secret was replaced: no restart
    scene.serves(commit)


def test_jeton_organisme_renouvele(scene: Scene, forge: RunningForge) -> None:
    scene.project.visibility = "private"
    scene.project.save()
    made: Any = scene.project.deploytokens.create({"name": "lecture", "scopes": ["read_repository"]})
    scene.credentials = f"{made.username}:{made.token}"
    commit = scene.push()
    scene.built(commit)
    scene.serves(commit)
    scene.project.deploytokens.delete(made.id)
    scene.waits(2)
    status, reason, message = scene.ready()
    assert (status, reason) == ("False", "RepositoryRefused") and "credentialsRef" in message
    assert scene.outside.cluster.status()["stages"][0]["deployedCommit"] == commit, "what serves goes on"
    again: Any = scene.project.deploytokens.create({"name": "lecture", "scopes": ["read_repository"]})
    scene.credentials = f"{again.username}:{again.token}"
    scene.serves(commit)


def test_role_retire(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    known: Any = forge.client().users.list(username="amcloud", get_all=False)[0]
    member = scene.project.members.get(known.id)
    member.access_level = 20
    member.save()
    scene.waits(2)
    status, reason, message = scene.ready()
    assert (status, reason) == ("False", "RepositoryRefused") and "rôle Developer" in message
    member.access_level = 40
    member.save()
    scene.serves(commit)


def test_branche_protegee(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    known: Any = forge.client().users.list(username="amcloud", get_all=False)[0]
    member = scene.project.members.get(known.id)
    member.access_level = 30
    member.save()
    scene.waits(4)
    assert scene.reads(commit) == {}
    assert scene.ready()[:2] == ("True", "Serving"), "what only tells stops nothing"
    status, reason, message = scene.condition("ForgeNotified")
    assert (status, reason) == ("False", "StatusRefused") and "branche protégée" in message
    scene.project.protectedbranches.delete("main")
    scene.project.protectedbranches.create({"name": "main", "push_access_level": 40, "merge_access_level": 30})
    scene.serves(commit)


def test_projet_renomme(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    forge.client().projects.update(scene.project.id, {"path": f"nouveau-{scene.project.id}"})
    scene.serves(commit)
    (problem,) = scene.outside.cluster.status()["problems"]
    assert problem["path"] == "spec.repository.project" and f"nouveau-{scene.project.id}" in problem["message"]


def test_projet_archive(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.project.archive()
    scene.waits(3)
    assert scene.condition("ForgeNotified")[:2] == ("False", "StatusRefused")
    assert "archivé" in scene.condition("ForgeNotified")[2]
    scene.project.unarchive()
    scene.waits(3)  # the operator starts the pipeline itself
    if not scene.pipelines(commit):
        scene.waits(3)
    scene.built(commit)
    scene.serves(commit)


def test_projet_supprime(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    scene.serves(commit)
    forge.client().projects.delete(scene.project.id)
    scene.waits(3)
    status, reason, message = scene.ready()
    assert (status, reason) == ("False", "RepositoryRefused") and scene.path in message
    assert scene.outside.cluster.status()["stages"][0]["deployedCommit"] == commit, "what serves goes on"
    scene.project = forge.project(scene.path, visibility="public", maintainers=("amcloud",))
    forge.push(scene.forge.folder / "work" / scene.path, scene.path, "HEAD:refs/heads/main")
    scene.waits(3)
    scene.built(commit)
    scene.serves(commit)


def test_depot_vide(scene: Scene) -> None:
    scene.waits(2)
    assert scene.ready()[:2] == ("False", "RepositoryRefused") and "vide" in scene.ready()[2]
    commit = scene.push()
    scene.built(commit)
    scene.serves(commit)


def test_statut_refuse(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.built(commit)
    forge.fail({"path": "*/statuses/*", "kind": "status", "status": 422, "method": "POST"})
    before = len(forge.requests("*/statuses/*", "POST"))
    scene.waits(6)
    status, reason, message = scene.condition("ForgeNotified")
    assert (status, reason) == ("False", "StatusRefused") and "amcloud/" in message
    assert scene.ready()[:2] == ("True", "Serving"), "a word that is missing stops nothing"
    assert len(forge.requests("*/statuses/*", "POST")) - before <= 4, "each status is refused once an hour"
    forge.fail()
    scene.outside.passes(3601)
    scene.serves(commit)


def test_pipeline_echoue(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit, jobs={"tests": "failed", "build-image": "skipped"})
    scene.waits(3)
    state, words = scene.reads(commit)["amcloud/acceptance"]
    assert state == "failed" and "a échoué" in words
    assert scene.ready()[:2] == ("False", "BuildFailed")
    assert scene.pipelines(commit) == 1, "what its own tests broke is not started again"
    mended = scene.push()
    scene.built(mended)
    scene.serves(mended)


def test_pipeline_registre_en_panne(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit, jobs={"tests": "success", "build-image": "failed"}, traces={"build-image": REGISTRY})
    scene.one_pass()
    assert scene.ready()[:2] == ("False", "Building")
    assert "registre" in scene.ready()[2] and "tout seul" in scene.ready()[2]
    assert scene.reads(commit)["amcloud/acceptance"][0] == "running"
    scene.waits(3)
    assert scene.pipelines(commit) == 2
    scene.built(commit)
    scene.serves(commit)


def test_pipeline_executeur_en_panne(scene: Scene) -> None:
    commit = scene.push()
    failed = {"jobs": {"tests": "failed"}, "reasons": {"tests": "runner_system_failure"}}
    for number in range(1, 5):
        scene.built(commit, **failed)
        for _ in range(3):
            scene.waits(1)
            if scene.pipelines(commit) > number:
                break
        assert scene.pipelines(commit) == min(number + 1, 4), "three relaunches at most"
    status, reason, message = scene.ready()
    assert (status, reason) == ("False", "BuildFailed") and "équipe de la plateforme" in message
    assert scene.reads(commit)["amcloud/acceptance"][0] == "failed"
    project: Any = scene.forge.client().projects.get(scene.project.id)
    project.pipelines.create({"ref": "main"})  # somebody mended the runner and says so, on the forge alone
    scene.built(commit)
    scene.serves(commit)


def test_pipeline_annule(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit, jobs={"tests": "canceled"})
    scene.waits(3)
    assert scene.ready()[:2] == ("False", "BuildFailed")
    state, words = scene.reads(commit)["amcloud/acceptance"]
    assert state == "failed" and "annulé" in words
    project: Any = scene.forge.client().projects.get(scene.project.id)
    project.pipelines.create({"ref": "main"})
    scene.built(commit)
    scene.serves(commit)


def test_pipeline_bloque(scene: Scene, forge: RunningForge) -> None:
    commit = scene.push()
    scene.waits(2)
    assert scene.ready()[:2] == ("False", "Building")
    scene.outside.passes(3700)
    scene.waits(2)
    state, words = scene.reads(commit)["amcloud/acceptance"]
    assert state == "failed" and "exécuteur" in words
    assert scene.ready()[:2] == ("False", "BuildFailed")
    scene.built(commit)  # a runner is there again, and takes it
    scene.serves(commit)


def test_pipeline_jamais_lance(scene: Scene) -> None:
    commit = scene.push({"a": "1"})
    scene.waits(3)
    assert scene.ready()[:2] == ("False", "RepositoryRefused") and ".gitlab-ci.yml" in scene.ready()[2]
    assert ".gitlab-ci.yml" in scene.reads(commit)["amcloud/acceptance"][1]
    mended = scene.push()
    scene.built(mended)
    scene.serves(mended)


def test_pipeline_ignore(scene: Scene) -> None:
    commit = scene.push(message="Change [skip ci]")
    scene.waits(3)
    assert "skip ci" in scene.reads(commit)["amcloud/acceptance"][1]
    project: Any = scene.forge.client().projects.get(scene.project.id)
    project.pipelines.create({"ref": "main"})
    scene.built(commit)
    scene.serves(commit)


@pytest.mark.parametrize("fails", ["503", "html", "truncated"])
def test_registre_en_panne(scene: Scene, fails: str) -> None:
    commit = scene.push()
    scene.built(commit)
    with running_registry() as registry:
        scene.registry, registry.fails = OciRegistry(registry.url, "registre.example"), fails
        _waits_for_the_registry(scene, commit)
        registry.fails = ""
        scene.serves(commit)


def test_registre_injoignable(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit)
    with running_registry() as registry:
        address = registry.url
    scene.registry = OciRegistry(address, "registre.example")
    _waits_for_the_registry(scene, commit)
    with running_registry() as registry:  # it is there again, wherever the name leads now
        scene.registry = OciRegistry(registry.url, "registre.example")
        scene.serves(commit)


def test_registre_refuse(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit)
    with running_registry() as registry:
        scene.registry, registry.fails = OciRegistry(registry.url, "registre.example"), "401"
        scene.waits(2)
        status, reason, message = scene.ready()
        assert (status, reason) == ("False", "BrokenInstallation") and "registre" in message
        assert scene.reads(commit)["amcloud/acceptance"][0] == "failed"
        registry.fails = ""
        scene.serves(commit)


def _waits_for_the_registry(scene: Scene, commit: str) -> None:
    scene.waits(3)
    assert scene.ready()[:2] == ("Unknown", "ServiceUnavailable") and "registre" in scene.ready()[2]
    state, words = scene.reads(commit)["amcloud/acceptance"]
    assert state == "pending" and "Reprise automatique" in words


def test_image_absente(scene: Scene) -> None:
    commit = scene.push()
    scene.built(commit)
    del scene.outside.registry.images[commit]
    scene.waits(2)
    state, words = scene.reads(commit)["amcloud/acceptance"]
    assert state == "failed" and "aucune image" in words
    assert scene.ready()[:2] == ("False", "ImageRefused")
    scene.outside.registry.images[commit] = image_of(commit)
    scene.serves(commit)


def test_webhooks_perdus(scene: Scene, forge: RunningForge) -> None:
    from amcloud.dispatch import Dispatcher
    from amcloud.workqueue import Key

    key = Key("cpam-bas-rhin", "suivi-courriers")
    dispatcher = Dispatcher(scene.world())
    dispatcher.know(key, scene.path)
    forge.fail({"kind": "webhook-lost", "path": "*"})
    first = scene.push()
    scene.built(first)
    dispatcher.poll_once()
    for _ in range(2):
        assert dispatcher.queue.take() == key
        dispatcher.one_pass(key)
        dispatcher.ask(key)
    assert dispatcher.queue.take() == key
    assert list(dispatcher.poll_once()) == [], "nothing moved: nobody is asked for"
    commit = scene.push()
    scene.built(commit)
    assert dispatcher.poll_once() == [scene.path], "polling finds what no hook told"
    scene.serves(commit)
