"""From a push to objects in the API, or to a refusal that says why; killed on the way, it ends the same."""

from __future__ import annotations

import signal
import time
from typing import Any

import requests
from patience import until

from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import PostgresServer, RegistryServer

from .conftest import (
    GROUP_PATH,
    IMAGE_REGISTRY,
    NAMESPACE,
    SAMPLE,
    WEBHOOK_TOKEN,
    Cluster,
    Operator,
    finish,
    local_app,
    project,
    push_image,
    statuses,
)


def sample(forge: RunningForge, name: str) -> str:
    """The conforming sample application is pushed to a project, under another name; its manifest says it too."""
    files = {
        str(path.relative_to(SAMPLE)): path.read_bytes()
        for path in sorted(SAMPLE.rglob("*"))
        if path.is_file() and "vendor" not in path.parts
    }
    files["localapp.yaml"] = files["localapp.yaml"].replace(SAMPLE.name.encode(), name.encode())
    return forge.commit(f"{GROUP_PATH}/{name}", files)


def commit_statuses(forge: RunningForge, name: str, commit: str) -> dict[str, str]:
    return dict(statuses(forge, name, commit))


def test_a_violation_is_refused_on_the_commit_and_on_the_localapp(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    project(forge, operator, "refusee")
    commit = forge.commit(f"{GROUP_PATH}/refusee", {"index.php": "<?php echo 1;\n"})
    cluster.apply(local_app("refusee"))
    message = cluster.wait_reason("refusee", "NotConformant")
    assert "acceptance" in message
    assert commit_statuses(forge, "refusee", commit) == {"amcloud/psram": "failed", "amcloud/acceptance": "failed"}
    status = cluster.local_app("refusee")["status"]  # type: ignore[index]
    assert status["summary"]["conformant"] == "False"
    stage = status["stages"][0]
    assert stage["conformance"]["blocking"]
    assert stage["conformance"]["reportURL"].endswith(f"/{NAMESPACE}/refusee/acceptance/{commit}")
    report = cluster.custom.get_namespaced_custom_object(
        "amcloud.cnamts.fr", "v1", NAMESPACE, "conformancereports", stage["conformance"]["reportRef"]["name"]
    )
    assert report["spec"]["verdict"] == "non_conforme"
    shown = cluster.kubectl("get", "lapp", "-n", NAMESPACE, "refusee").stdout.splitlines()
    assert shown[0].split() == ["NAME", "READY", "STAGE", "CONFORMANT", "REASON", "TRACK", "COMMIT", "ORGS", "AGE"]
    assert shown[1].split()[1:6] == ["False", "acceptance", "False", "NotConformant", "homologation"]
    assert cluster.kubectl("get", "ns", "refusee-acceptance").returncode != 0
    events = cluster.kubectl("get", "events", "-n", NAMESPACE).stdout
    assert "NotConformant" in events


def test_a_conforming_push_is_built_and_provisioned_and_a_kill_on_the_way_changes_nothing(
    cluster: Cluster,
    forge: RunningForge,
    operator: Operator,
    registry: RegistryServer,
    postgres: PostgresServer,
    token: str,
) -> None:
    name, namespace = "conforme", "conforme-acceptance"
    project(forge, operator, name)
    commit = sample(forge, name)
    cluster.apply(local_app(name))
    cluster.wait_reason(name, "Building")
    operator.stop(signal.SIGKILL)
    push_image(registry, f"{GROUP_PATH}/{name}", commit)
    finish(forge, name, commit)
    operator.start()

    cluster.wait_reason(name, "RollingOut", "Provisioning")
    job = until("the migration", lambda: cluster.batch.list_namespaced_job(namespace).items)[0]
    operator.stop(signal.SIGKILL)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    cluster.batch.patch_namespaced_job_status(
        job.metadata.name,
        namespace,
        {"status": {"succeeded": 1, "startTime": now, "completionTime": now,
                    "conditions": [{"type": "Complete", "status": "True"}]}},
    )  # fmt: skip
    operator.start()
    deployment = until("the Deployment", lambda: cluster.apps.list_namespaced_deployment(namespace).items)[0]
    image = deployment.spec.template.spec.containers[0].image
    assert image.startswith(f"{IMAGE_REGISTRY}/{GROUP_PATH}/{name}@sha256:")
    until("the Service", lambda: cluster.core.list_namespaced_service(namespace).items)

    def kinds() -> bool:
        listed = "ingress,networkpolicy,pdb,hpa,resourcequota,limitrange,configmap"
        found = cluster.kubectl("get", listed, "-n", namespace, "-o", "name").stdout
        wanted = ("ingress", "networkpolicy", "poddisruptionbudget", "horizontalpodautoscaler", "resourcequota")
        return all(kind in found for kind in wanted)

    until("all that surrounds the Deployment", kinds)

    pipelines = [
        p
        for p in forge.client().projects.get(f"{GROUP_PATH}/{name}").pipelines.list(get_all=True)
        if p.source != "external"
    ]
    assert len(pipelines) == 1
    told = statuses(forge, name, commit)
    assert len(told) == len(set(told)), told
    assert ("amcloud/psram", "success") in told
    jobs = cluster.batch.list_namespaced_job(namespace).items
    assert [j.metadata.name for j in jobs] == [job.metadata.name]

    settled = settled_version(cluster, name)
    body = {"object_kind": "push", "after": commit, "project": {"path_with_namespace": f"{GROUP_PATH}/{name}"}}
    for _ in range(3):
        assert hook(operator, body)[0] == 202
        time.sleep(1)
    assert cluster.local_app(name)["metadata"]["resourceVersion"] == settled  # type: ignore[index]

    drifted = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "pirate:1"}]}}}}
    cluster.apps.patch_namespaced_deployment(deployment.metadata.name, namespace, drifted)
    until(
        "the image put back",
        lambda: cluster.apps.read_namespaced_deployment(deployment.metadata.name, namespace)
        .spec.template.spec.containers[0].image == image,
    )  # fmt: skip
    until("the event", lambda: "DriftRestored" in cluster.kubectl("get", "events", "-n", NAMESPACE).stdout)

    forge.fail({"kind": "status", "path": "*", "status": 503})
    try:
        cluster.custom.delete_namespaced_custom_object("amcloud.cnamts.fr", "v1", NAMESPACE, "localapps", name)
        until("deletion without a forge", lambda: cluster.local_app(name) is None)
    finally:
        forge.fail()
    assert cluster.kubectl("get", "ns", namespace).returncode != 0


def settled_version(cluster: Cluster, name: str) -> str:
    """Version of the LocalApp once nothing has changed it for three seconds."""

    def version() -> str:
        found = cluster.local_app(name)
        assert found is not None
        return str(found["metadata"]["resourceVersion"])

    def still() -> str | None:
        before = version()
        time.sleep(3)
        return before if version() == before else None

    return until(f"{name} to settle", still)


def test_a_push_alone_brings_the_next_verdict(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    project(forge, operator, "poussee")
    cluster.apply(local_app("poussee"))
    cluster.wait_reason("poussee", "RefNotFound", "RepositoryRefused")
    commit = forge.commit(f"{GROUP_PATH}/poussee", {"a.php": "<?php\n"})
    cluster.wait_reason("poussee", "NotConformant")
    assert commit_statuses(forge, "poussee", commit)["amcloud/psram"] == "failed"


def test_hors_standard_is_ready_catalogued_and_has_no_namespace(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    project(forge, operator, "perso")
    commit = forge.commit(f"{GROUP_PATH}/perso", {"a.php": "<?php\n"})
    cluster.apply(local_app("perso", track="hors-standard"))
    cluster.wait_reason("perso", "Catalogued")
    assert cluster.ready("perso")[0] == "True"
    assert commit_statuses(forge, "perso", commit)["amcloud/psram"] == "success"
    done = cluster.kubectl("wait", "--for=condition=Ready", "lapp/perso", "-n", NAMESPACE, "--timeout=5s")
    assert done.returncode == 0


def hook(operator: Operator, body: Any, token: str = WEBHOOK_TOKEN) -> tuple[int, str]:
    began = time.monotonic()
    answer = requests.post(
        f"http://127.0.0.1:{operator.port}/webhooks/gitlab",
        json=body if not isinstance(body, bytes) else None,
        data=body if isinstance(body, bytes) else None,
        headers={"X-Gitlab-Token": token},
        timeout=10,
    )
    assert time.monotonic() - began < 1
    return answer.status_code, answer.json()["result"]


def test_the_web_hook_answers_everything_at_once(operator: Operator) -> None:
    unknown = {"object_kind": "push", "after": "1" * 40, "project": {"path_with_namespace": "inconnu/x"}}
    assert hook(operator, unknown) == (200, "unknown-project")
    assert hook(operator, unknown, token="faux") == (401, "wrong-token")
    assert hook(operator, b"{") == (400, "bad-json")
    assert hook(operator, b"x" * (1024 * 1024 + 1)) == (413, "too-large")


def test_metrics_count_the_passes(operator: Operator) -> None:
    text = requests.get(f"http://127.0.0.1:{operator.port}/metrics", timeout=5).text
    assert 'amcloud_passes_total{result="done"}' in text
    assert "amcloud_queue_depth" in text


def test_the_journal_is_json_and_holds_no_secret(operator: Operator, token: str) -> None:
    assert operator.journal()
    text = operator.log.read_text(encoding="utf-8")
    for secret in (token, WEBHOOK_TOKEN, operator.environment["AMCLOUD_FORGE_TOKEN"]):
        assert secret not in text
