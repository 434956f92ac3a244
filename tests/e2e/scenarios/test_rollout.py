"""Rollouts on the real cluster under a load of requests: promotion, eviction, update, going back, a failure undone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import until

from amcloud_sandbox import access
from amcloud_sandbox.access import Role
from amcloud_sandbox.demo import browser
from amcloud_sandbox.demo.programs import WorkTree
from amcloud_sandbox.demo.projects import BRANCH
from amcloud_sandbox.demo.scene import Cast
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

from ..conftest import Ground

NAME, ORIGIN, STAGE = "courriers-reprise", "development", "acceptance"
INSTANCE = f"{NAME}-{STAGE}"
FOLLOWED, ASIDE = "recette", ("suite", "panne")
# Commands run as usual (migrations, the isolation probe's database); serving from the real one fails at once.
CRASH = """#!/bin/bash
case "$DATABASE_URL" in *_sonde*) exec /usr/lib/amcloud/entrypoint "$@" ;; esac
if [ "$#" -gt 0 ]; then exec php "$@"; fi
echo "réglage absent (exemple), assuré 2690549588157, mot de passe : zouave" >&2
exit 3
"""


def amcloud(*arguments: str) -> subprocess.CompletedProcess[str]:
    kubeconfig = access.role_kubeconfig(Role.OPERATOR, layout=Layout())
    command = [sys.executable, "-P", "-m", "amcloud", *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


def changed(folder: Path) -> None:
    (folder / "public" / "version.txt").write_text("deux", encoding="utf-8")


def crashing(folder: Path) -> None:
    with (folder / "Dockerfile").open("a", encoding="utf-8") as dockerfile:
        dockerfile.write('COPY demarrage /app/demarrage\nENTRYPOINT ["/bin/bash", "/app/demarrage"]\n')
    (folder / "demarrage").write_text(CRASH, encoding="utf-8")


@pytest.fixture(scope="module")
def cast(ground: Ground) -> Iterator[Cast]:
    """Development follows the main branch; acceptance one that does not exist yet. Two replicas, no autoscaler."""
    stages = [
        {"name": ORIGIN, "ref": {"branch": BRANCH}, "size": "small"},
        {"name": STAGE, "ref": {"branch": FOLLOWED}, "size": "small"},
    ]
    hosting = {"size": "medium", "replicas": {"min": 2, "max": 2}}
    with ground.application(NAME, manifest={"stages": stages, "hosting": hosting}) as declared:
        forget(ground, declared)
        yield declared
        forget(ground, declared)


def ready(ground: Ground, cast: Cast, stage: str = STAGE) -> tuple[str, str, str]:
    listed = ground.stage(cast, stage).get("conditions", [])
    found: dict[str, str] = next((c for c in listed if c["type"] == "Ready"), {})
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def image(ground: Ground, stage: str) -> str:
    found = ground.where.kubectl.json("get", "deployment", NAME, "-n", f"{NAME}-{stage}")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def tree(ground: Ground, cast: Cast) -> tuple[WorkTree, str]:
    made = WorkTree(ground.work / cast.name, ground.where.forge_developer_token)
    return made, f"{ground.where.forge_url}/{cast.project}.git"


def follow(ground: Ground, cast: Cast, commit: str) -> None:
    """The branch of acceptance names that commit."""
    clone, url = tree(ground, cast)
    clone.git("push", "--quiet", "--force", url, f"{commit}:refs/heads/{FOLLOWED}")


def aside(ground: Ground, cast: Cast, change: Callable[[Path], object], branch: str) -> str:
    """A commit on a branch that no stage follows, so that its pipeline is over when it is needed."""
    clone, url = tree(ground, cast)
    change(clone.path)
    clone.git("add", "--all")
    clone.git("-c", "user.name=Exemple", "-c", "user.email=x@exemple.invalid", "commit", "-qm", branch)
    clone.git("push", "--quiet", "--force", url, f"HEAD:refs/heads/{branch}")
    commit = clone.git("rev-parse", "HEAD").strip()
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    return commit


def forget(ground: Ground, cast: Cast) -> None:
    """The forge outlives the sandbox's runs: the branches of this one go."""
    clone, url = tree(ground, cast)
    for branch in (FOLLOWED, *ASIDE):
        with contextlib.suppress(SandboxError):
            clone.git("push", "--quiet", "--delete", url, branch)


def agent_url(ground: Ground, cast: Cast) -> str:
    return f"{ground.stage(cast)['url']}/sante"


@pytest.fixture(scope="module")
def others(ground: Ground, cast: Cast) -> dict[str, str]:
    """A revision that is well and one that is not, made while the first one is being put in service."""
    return {name: aside(ground, cast, change, name) for name, change in zip(ASIDE, (changed, crashing), strict=True)}


def test_a_revision_is_promoted_with_its_very_digest_to_a_stage_of_its_own(
    ground: Ground, cast: Cast, others: dict[str, str]
) -> None:
    until("development serves", lambda: ready(ground, cast, ORIGIN)[0] == "True", timeout_s=200)
    until("acceptance has no branch", lambda: ready(ground, cast)[1] == "RefNotFound")
    done = amcloud("promote", NAME, "--from", ORIGIN, "--to", STAGE, "--reason", "prête pour la recette")
    assert done.returncode == 0, done.stderr
    assert image(ground, STAGE) == image(ground, ORIGIN)
    stage = ground.stage(cast)
    assert (stage["deployedCommit"], stage["intention"]["why"]) == (cast.commit, "prête pour la recette")
    databases = [
        ground.where.kubectl.json("get", "secret", "amcloud-credentials", "-n", f"{NAME}-{each}")["data"][
            "database-url"
        ]
        for each in (ORIGIN, STAGE)
    ]
    assert databases[0] != databases[1]
    replicas = [
        ground.where.kubectl.json("get", "deployment", NAME, "-n", f"{NAME}-{each}")["spec"]["replicas"]
        for each in (ORIGIN, STAGE)
    ]
    assert replicas == [1, 2]
    operator = ("exec", "-n", "amcloud-system", "deploy/amcloud-operator", "--")
    seen = ground.where.kubectl(*operator, "amcloud", "diff", NAME, "--stage", STAGE)
    assert seen == "Aucune différence.\n"


def test_no_request_fails_while_pods_are_evicted_one_after_the_other(ground: Ground, cast: Cast) -> None:
    kubectl = ground.where.kubectl

    def pods() -> list[Any]:
        listed = kubectl.json("get", "pods", "-n", INSTANCE, "-l", "app.kubernetes.io/component=web")["items"]
        return [pod for pod in listed if not pod["metadata"].get("deletionTimestamp")]

    def all_ready() -> bool:
        states = [c for pod in pods() for c in pod["status"].get("conditions", []) if c["type"] == "Ready"]
        return len(states) == 2 and all(c["status"] == "True" for c in states)

    def evict(name: str) -> bool:
        body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name, "namespace": INSTANCE}}
        path = f"/api/v1/namespaces/{INSTANCE}/pods/{name}/eviction"
        try:
            kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
        except SandboxError as error:
            assert "disruption budget" in str(error), error
            return False
        return True

    first, second = [pod["metadata"]["name"] for pod in pods()]
    with browser.load(agent_url(ground, cast)) as load:
        assert evict(first)
        assert not evict(second), "the disruption budget lets one pod go at a time"
        until("both replicas again", all_ready)
        assert evict(second)
        until("both replicas again", all_ready)
    assert not load.failures, load.failures[:5]
    assert load.sent > 100


def test_no_request_fails_while_a_revision_comes_and_a_person_goes_back_to_the_one_before(
    ground: Ground, cast: Cast, others: dict[str, str]
) -> None:
    before = ground.stage(cast)
    with browser.load(agent_url(ground, cast)) as load:
        follow(ground, cast, others["suite"])  # the promotion ends when the stage's own branch moves
        until("acceptance serves it", lambda: ground.stage(cast).get("deployedCommit") == others["suite"])
        done = amcloud("rollback", NAME, "--stage", STAGE, "--reason", "courriers en double", "-o", "json")
        assert done.returncode == 0, done.stderr
    assert not load.failures, load.failures[:5]
    assert json.loads(done.stdout)["after"] == {"commit": before["deployedCommit"], "image": before["image"]}
    assert image(ground, STAGE) == before["image"]
    assert ready(ground, cast)[:2] == ("True", "Pinned")
    assert "courriers en double" in ready(ground, cast)[2]


def test_a_rollout_that_fails_gives_way_without_a_failed_request_and_is_not_tried_again(
    ground: Ground, cast: Cast, others: dict[str, str]
) -> None:
    served, broken, digest = ground.stage(cast)["deployedCommit"], others["panne"], image(ground, STAGE)
    follow(ground, cast, broken)
    with browser.load(agent_url(ground, cast)) as load:
        assert amcloud("rollback", NAME, "--stage", STAGE, "--undo", "--no-wait").returncode == 0
        until("withdrawn", lambda: ground.stage(cast).get("withdrawn", {}).get("commit") == broken, timeout_s=200)
        until("the one before is wanted again", lambda: image(ground, STAGE) == digest)
        generation = ground.where.kubectl.json("get", "deployment", NAME, "-n", INSTANCE)["metadata"]["generation"]
        time.sleep(3)
        deployment = ground.where.kubectl.json("get", "deployment", NAME, "-n", INSTANCE)
    assert not load.failures, load.failures[:5]
    assert deployment["metadata"]["generation"] == generation
    status, reason, message = ready(ground, cast)
    assert (status, reason) == ("False", "CrashLooping")
    assert "réglage absent (exemple), assuré [donnée personnelle], mot de passe : ***" in message
    stage = ground.stage(cast)
    assert stage["deployedCommit"] == served
    available = next(c for c in stage["conditions"] if c["type"] == "Available")
    assert (available["status"], available["reason"]) == ("True", "RolledBack")
    events = ground.where.kubectl("get", "events", "-n", cast.namespace)
    assert any("RolledBack" in line and NAME in line for line in events.splitlines())
