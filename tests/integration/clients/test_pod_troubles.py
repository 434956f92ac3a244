"""Pods that a real cluster refuses or cannot place: what its controllers write becomes one closed reason."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest
import yaml
from patience import until

from amcloud.clients import connection
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.kubernetes_api import Api
from amcloud.stages.objects.operations import Key, Object
from amcloud.stages.reasons import Reason
from amcloud.stages.seen import troubles
from amcloud_sandbox.control_plane import ControlPlane

NAMESPACE = "trop-petit"
CONTAINER = {"name": "web", "image": "exemple.invalid/x:1", "resources": {"requests": {"memory": "64Mi"}}}
LABELS = {"app": "x"}


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> KubernetesCluster:
    """A namespace whose quota lets no pod in, with a Deployment and a Job that want one."""
    template = {"metadata": {"labels": LABELS}, "spec": {"restartPolicy": "Always", "containers": [CONTAINER]}}
    once = {"metadata": {"labels": LABELS}, "spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}
    documents = (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "namespace": NAMESPACE},
         "spec": {"hard": {"pods": "0"}}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": NAMESPACE},
         "spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migration", "namespace": NAMESPACE},
         "spec": {"backoffLimit": 0, "template": once}},
    )  # fmt: skip
    command = [str(control_plane.programs.path("kubectl")), "--kubeconfig", str(control_plane.kubeconfig)]

    def kubectl(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [*command, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for document in documents:
        kubectl("apply", "-f", "-", given=yaml.safe_dump(document))
        if document["kind"] == "ResourceQuota":  # it refuses nothing before its controller has seen it
            until(
                "the quota is counted",
                lambda: kubectl("get", "quota", "quota", "-n", NAMESPACE, "-o", "jsonpath={.status.hard}"),
            )
    return KubernetesCluster(Api(connection.from_kubeconfig(control_plane.kubeconfig)))


def live(cluster: KubernetesCluster, key: Key) -> Object:
    return cluster.live(frozenset({key}))[key]


@pytest.mark.parametrize(
    "key", [Key("apps", "Deployment", NAMESPACE, "web"), Key("batch", "Job", NAMESPACE, "migration")]
)
def test_a_quota_that_is_exceeded_is_one_reason_for_a_deployment_and_for_a_job(
    cluster: KubernetesCluster, key: Key
) -> None:
    trouble = until("the trouble is seen", lambda: troubles.of_creation(live(cluster, key)))
    assert (trouble.reason, trouble.lasting) == (Reason.QUOTA_EXCEEDED, True)
    assert "quota « quota »" in trouble.sentence and "pods=1" in trouble.sentence


def test_a_pod_without_a_node_is_no_trouble_yet(cluster: KubernetesCluster) -> None:
    assert troubles.worst(cluster.pods(NAMESPACE), now=datetime.now(UTC)) is None
