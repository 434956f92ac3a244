"""``amcloud cost --use`` on a real API server that serves ``metrics.k8s.io``, as whoever operates the platform.

The measures are in the contract's shape, served by a definition of ours: metrics-server needs nodes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import until

from .conftest import NAMESPACE, Cluster, local_app

GROUP, NAME = "metrics.k8s.io", "mesuree"
Asked = Callable[..., "subprocess.CompletedProcess[str]"]


def definition() -> dict[str, Any]:
    """``PodMetrics`` as metrics-server serves it; the annotation says that the group is not ours."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"plural": "pods", "singular": "", "kind": "PodMetrics", "listKind": "PodMetricsList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"pods.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, in place of metrics-server in a test"},
        },
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def measured(name: str, cpu: str, memory: str, *, managed: str = "amcloud") -> dict[str, Any]:
    """What metrics-server says of a pod with two containers, one of them idle."""
    containers = [
        {"name": "web", "usage": {"cpu": cpu, "memory": memory}},
        {"name": "proxy", "usage": {"cpu": "0", "memory": "1024Ki"}},
    ]
    labels = {"app.kubernetes.io/managed-by": managed, "app.kubernetes.io/name": NAME}
    metadata = {"name": name, "namespace": f"{NAME}-acceptance", "labels": labels}
    times = {"timestamp": "2026-03-02T09:00:00Z", "window": "15s"}
    return {"apiVersion": f"{GROUP}/v1beta1", "kind": "PodMetrics", "metadata": metadata, **times,
            "containers": containers}  # fmt: skip


@pytest.fixture(scope="module")
def asked(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The command, as a person of the DDSI; the application is declared and nobody hosts it."""
    authority = cluster.plane.authority
    leaf = authority.leaf("person-mesures", user="exploitant-exemple", groups=["amcloud:exploitants"])
    path = tmp_path_factory.mktemp("mesures") / "kubeconfig"
    kubeconfig = authority.kubeconfig(path, server=cluster.plane.server, leaf=leaf, user="exploitant-exemple")

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(Path(path).parent), "KUBECONFIG": str(kubeconfig)}
        command = [sys.executable, "-P", "-m", "amcloud", "cost", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{NAME}-acceptance"}}, local_app(NAME)
    )
    yield ask
    cluster.kubectl("delete", "lapp", NAME, "-n", NAMESPACE, "--wait=false")
    cluster.kubectl("delete", "crd", f"pods.{GROUP}", "--ignore-not-found", "--timeout=30s")
    cluster.kubectl("delete", "namespace", f"{NAME}-acceptance", "--wait=false")


def test_a_cluster_that_measures_nothing_says_so(asked: Asked) -> None:
    done = asked("--use")
    assert done.returncode == 0, done.stderr
    assert "ne mesure pas l'utilisation" in done.stderr and NAME in done.stdout


def test_what_the_pods_of_an_instance_use_is_summed_and_others_are_left_out(cluster: Cluster, asked: Asked) -> None:
    cluster.apply(definition())
    cluster.kubectl("wait", "--for=condition=Established", f"crd/pods.{GROUP}", "--timeout=30s")
    until("it is served", lambda: cluster.kubectl("get", "--raw", f"/apis/{GROUP}/v1beta1/pods").returncode == 0)
    cluster.apply(measured("a", "12m", "64Mi"), measured("b", "3400000n", "32768Ki"),
                  measured("c", "4", "8Gi", managed="autre"))  # fmt: skip
    done = asked("--use", "--output", "json")
    assert done.returncode == 0, done.stderr
    (line,) = [one for one in json.loads(done.stdout)["lines"] if one["app"] == f"{NAMESPACE}/{NAME}"]
    assert (line["cores"], line["memoryBytes"]) == (0.0154, 98 * 1024**2)
    assert "0.015 cœur, 98 Mio" in asked("--use").stdout
