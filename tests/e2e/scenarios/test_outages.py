"""The node is closed, the registry or everything is down, the operator starts again: what is said, what must still
be true, and what comes after."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from patience import until

from amcloud_sandbox import access, containerd, processes
from amcloud_sandbox.access import Role
from amcloud_sandbox.demo import browser, install
from amcloud_sandbox.demo.scene import STAGE, Cast
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts import load
from amcloud_sandbox.parts.node import NODE
from amcloud_sandbox.parts.postgres import PART as POSTGRES

from ..conftest import Ground

NAME, DATABASE = "courriers-orphelins", "courriers_orphelins_acceptance"
INSTANCE = f"{NAME}-{STAGE}"
ONE_REPLICA = {"size": "small", "replicas": {"min": 1, "max": 1}}
DOWN = ("forge", "registry", "postgres")
NODE_S_REGISTRY = "registry-127.0.0.1"
"""The registry as the node reaches it; the operator asks at another address."""
SWEEP_S = 60


@contextlib.contextmanager
def down(ground: Ground, *services: str) -> Iterator[None]:
    """No process of these services runs; their data stay. At the end all applications are as they were."""
    layout, before = Layout(), states(ground)
    stopped = [name for name in processes.names(layout=layout) if name.startswith(services)]
    assert len(stopped) >= len(services), stopped
    try:
        for name in stopped:
            processes.send_signal(name, signal.SIGINT, layout=layout)  # PostgreSQL's "fast": sessions are ended
            processes.stop(name, layout=layout)
        yield
    finally:
        for part in load([one.partition("-")[0] for one in services]):
            part.up(layout, print)
        left = {name: said for name, said in before.items() if not name.endswith(f"/{NAME}")}
        until("the others serve as before", lambda: left.items() <= states(ground).items(), timeout_s=90)


def states(ground: Ground) -> dict[str, str]:
    """What each LocalApp says of itself."""
    found = ground.where.kubectl.json("get", "lapp", "-A")["items"]
    named = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one.get("status", {}) for one in found}
    return {name: {c["type"]: c["reason"] for c in status.get("conditions", [])}.get("Ready", "")
            for name, status in named.items()}  # fmt: skip


def databases() -> set[str]:
    with POSTGRES.administrator(Layout()) as connection:
        roles = connection.execute("SELECT rolname FROM pg_roles").fetchall()
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall() + roles}


def owed(ground: Ground) -> str:
    return str(ground.where.kubectl("get", "configmap", "-n", install.NAMESPACE, "-o", "name"))


@pytest.fixture(scope="module")
def served(ground: Ground) -> Iterator[Cast]:
    """The conforming sample serves; its data go with it."""
    with ground.application(NAME, manifest={"hosting": ONE_REPLICA, "deletionPolicy": "Delete"}) as cast:
        ground.scene.wait_until_serving(cast)
        yield cast


def amcloud(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBECONFIG": str(access.role_kubeconfig(Role.OPERATOR, layout=Layout()))}
    command = [sys.executable, "-P", "-m", "amcloud", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def isolated(ground: Ground, cast: Cast) -> tuple[str, str]:
    found = next((c for c in ground.stage(cast).get("conditions", []) if c["type"] == "TenantIsolated"), {})
    return found.get("status", ""), found.get("reason", "")


def row_level_security(word: str) -> None:
    with POSTGRES.administrator(Layout(), DATABASE) as connection:
        connection.execute(f"ALTER TABLE courrier {word} ROW LEVEL SECURITY".encode())


def annotate(ground: Ground, cast: Cast) -> None:
    """A pass is wanted now."""
    asked = f"amcloud.cnamts.fr/requestedAt={time.time()}"
    ground.where.kubectl("annotate", "lapp", NAME, "-n", cast.namespace, "--overwrite", asked)


def said(ground: Ground, cast: Cast, reason: str) -> str:
    """What the stage says, once that is its reason."""

    def ready() -> str:
        found = next((c for c in ground.stage(cast).get("conditions", []) if c["type"] == "Ready"), {})
        return str(found.get("message") or "en service") if found.get("reason") == reason else ""

    return str(until(f"{reason} is said", ready, timeout_s=100))


def without_pods(ground: Ground) -> None:
    ground.where.kubectl("delete", "pods", "-n", INSTANCE, "-l", "app.kubernetes.io/component=web", "--wait=true")


@contextlib.contextmanager
def closed_node(ground: Ground) -> Iterator[None]:
    ground.where.kubectl("cordon", NODE)
    try:
        yield
    finally:
        ground.where.kubectl("uncordon", NODE)


def forgotten_by_the_node(image: str) -> None:
    """The node has that image no longer, and must pull it again."""
    ctr = ["ctr", f"--address={containerd.socket(Layout())}", "-n", "k8s.io", "images"]
    repository = image.partition("@")[0]
    listed = subprocess.run([*ctr, "ls", "-q"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run([*ctr, "rm", *(one for one in listed if one.startswith(repository))], check=True)


def test_a_quota_that_is_reached_is_one_reason_and_ends_with_it(ground: Ground, served: Cast) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "essai", "namespace": INSTANCE},
             "spec": {"hard": {"pods": "0"}}}  # fmt: skip
    ground.where.kubectl.apply(quota)
    try:
        without_pods(ground)
        assert "quota « essai »" in said(ground, served, "QuotaExceeded")
    finally:
        ground.where.kubectl("delete", "resourcequota", "essai", "-n", INSTANCE)
    said(ground, served, "Serving")


def test_a_pod_that_no_node_takes_is_one_reason_and_ends_with_it(ground: Ground, served: Cast) -> None:
    with closed_node(ground):
        without_pods(ground)
        said(ground, served, "Unschedulable")
    said(ground, served, "Serving")


def test_an_image_that_cannot_be_pulled_is_one_reason_and_ends_with_it(ground: Ground, served: Cast) -> None:
    image = str(ground.stage(served)["image"])
    with closed_node(ground):
        without_pods(ground)
        forgotten_by_the_node(image)
        with down(ground, NODE_S_REGISTRY):
            ground.where.kubectl("uncordon", NODE)
            assert image.rpartition("/")[2][:20] in said(ground, served, "ImagePullFailed")
    said(ground, served, "Serving")


def test_a_secret_that_is_missing_is_a_state_until_it_is_there(ground: Ground, served: Cast) -> None:
    def secrets(*names: str) -> None:
        patch = json.dumps({"spec": {"hosting": {"secrets": names}}})
        ground.where.kubectl("patch", "lapp", NAME, "-n", served.namespace, "--type=merge", "-p", patch)

    secrets("essai-smtp")
    assert "essai-smtp" in said(ground, served, "SecretMissing")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "essai-smtp", "namespace": INSTANCE},
              "stringData": {"SMTP_PASSWORD": "exemple"}}  # fmt: skip
    ground.where.kubectl.apply(secret)
    annotate(ground, served)
    said(ground, served, "Serving")
    secrets()
    said(ground, served, "Serving")


def test_a_leak_that_came_while_the_revision_serves_is_told_the_service_goes_on_and_nobody_may_choose_that_revision(
    ground: Ground, served: Cast
) -> None:
    kubectl, operator = ground.where.kubectl, f"deploy/{install.OPERATOR}"
    commit = ground.stage(served)["deployedCommit"]
    with browser.load(f"{ground.stage(served)['url']}/sante") as load:
        row_level_security("DISABLE")
        try:
            kubectl("rollout", "restart", operator, "-n", install.NAMESPACE)  # it probes all that serves when it starts
            kubectl("rollout", "status", operator, "-n", install.NAMESPACE, "--timeout=60s")
            until("the leak is seen", lambda: isolated(ground, served) == ("False", "TenantLeak"))
        finally:
            row_level_security("ENABLE")
        stage = ground.stage(served)
        assert "courrier" in stage["history"][0]["leak"]
        assert stage["deployedCommit"] == commit
        assert next(c for c in stage["conditions"] if c["type"] == "Available")["status"] == "True"
        assert "← fuite entre organismes" in amcloud("rollback", NAME, "--list").stdout
        refused = amcloud("rollback", NAME, commit[:8])
        assert refused.returncode == 3 and "ni reprise ni promue" in refused.stderr, refused.stderr
        annotate(ground, served)
        until("closed again", lambda: isolated(ground, served) == ("True", "TenantIsolated"))
        until("and told so", lambda: "leak" not in ground.stage(served)["history"][0])
    assert load.sent > 50 and not load.failures, (load.sent, load.failures[:5])


def test_with_forge_registry_and_database_down_an_application_is_stopped_and_deleted_and_nothing_is_left_afterwards(
    ground: Ground, served: Cast
) -> None:
    kubectl = ground.where.kubectl
    assert DATABASE in databases()
    with down(ground, *DOWN):
        asked = amcloud("suspend", NAME, "--reason", "Essai de panne", "--stop")
        assert asked.returncode == 0, asked.stderr
        pods = ("get", "pods", "-n", INSTANCE, "-l", "app.kubernetes.io/component=web", "-o", "name")
        until("no replica", lambda: not kubectl(*pods).strip())
        kubectl("delete", "lapp", NAME, "-n", served.namespace, "--timeout=60s")
        assert kubectl.find("get", "namespace", INSTANCE) is None
        assert f"data-to-remove-{INSTANCE}" in owed(ground)
        events = json.loads(kubectl("get", "events", "-n", served.namespace, "-o", "json"))["items"]
        told = [
            one["message"] for one in events if one["reason"] == "DataLeft" and one["involvedObject"]["name"] == NAME
        ]
        assert told and INSTANCE in told[0], told
    until("nothing is owed", lambda: f"data-to-remove-{INSTANCE}" not in owed(ground), timeout_s=SWEEP_S + 20)
    assert not {name for name in databases() if name.startswith(DATABASE)}
    kubectl("delete", "suspension", NAME, "-n", served.namespace)
