"""The sandbox's node really runs pods: they reach the API server and the host, and can be looked into."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from amcloud_sandbox import images
from amcloud_sandbox.containerd import PAUSE_IMAGE
from amcloud_sandbox.layout import HOST_IP, REGISTRY_PORT, Layout

Kubectl = Callable[..., str]
NAMESPACE = "essai-noeud"
START_TIMEOUT_S = 60

# Asks the API server who it is, by the Service's address, checking the certificate that pods are given.
ASK_THE_API = """
import os, ssl, sys, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
request = urllib.request.Request(
    f"https://{host}:{port}/api/v1/namespaces/essai-noeud/configmaps/reglage",
    headers={"Authorization": "Bearer " + open(f"{folder}/token").read()},
)
context = ssl.create_default_context(cafile=f"{folder}/ca.crt")
try:
    urllib.request.urlopen(request, context=context, timeout=10)
except urllib.error.HTTPError as error:
    print("api", error.code)
with urllib.request.urlopen("http://REGISTRY/v2/", timeout=10) as answer:
    print("registre", answer.status)
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=10)
except OSError as error:
    print("dehors", type(error.reason).__name__)
sys.stdout.flush()
while True:
    print("reglage", open("/reglage/valeur").read(), flush=True)
    __import__("time").sleep(0.5)
""".replace("REGISTRY", f"{HOST_IP}:{REGISTRY_PORT}")


@pytest.fixture(scope="module")
def kubectl(sandbox_env: dict[str, str]) -> Iterator[Kubectl]:
    def run(*arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", *arguments],
            env=sandbox_env, input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    run("create", "namespace", NAMESPACE)
    yield run
    run("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=60s")


def _pod(name: str, container: dict[str, object], **spec: object) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"containers": [{"name": "c", **container}], "terminationGracePeriodSeconds": 0, **spec},
        }
    )


def _until(ready: Callable[[], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def test_a_pod_runs_with_an_address_of_the_pods_range(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=_pod("simple", {"image": PAUSE_IMAGE, "imagePullPolicy": "IfNotPresent"}))
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/simple", f"--timeout={START_TIMEOUT_S}s")
    address = kubectl("get", "pod", "simple", "-n", NAMESPACE, "-o", "jsonpath={.status.podIP}")
    assert address.startswith("198.18.")


def test_a_pod_reaches_the_api_and_the_host_but_not_the_outside_and_sees_its_settings_change(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "reglage", "-n", NAMESPACE, "--from-literal=valeur=avant")
    container: dict[str, object] = {
        "image": images.python_base(Layout(), print),
        "command": ["python3", "-c", ASK_THE_API],
        "volumeMounts": [{"name": "reglage", "mountPath": "/reglage"}],
        "securityContext": {"runAsUser": 10001, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
    }
    volumes = [{"name": "reglage", "configMap": {"name": "reglage"}}]
    kubectl("apply", "-f", "-", stdin=_pod("curieux", container, volumes=volumes))
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/curieux", f"--timeout={START_TIMEOUT_S}s")

    def log() -> list[str]:
        return kubectl("logs", "curieux", "-n", NAMESPACE).splitlines()

    _until(lambda: "reglage avant" in log(), "the pod wrote no log")
    assert log()[:2] == ["api 403", "registre 200"]
    assert log()[2].startswith("dehors ConnectionRefused")
    assert kubectl("exec", "curieux", "-n", NAMESPACE, "--", "id", "-u").strip() == "10001"

    kubectl("patch", "configmap", "reglage", "-n", NAMESPACE, "-p", '{"data": {"valeur": "apres"}}')
    _until(lambda: "reglage apres" in log(), "the ConfigMap's change did not reach the pod", timeout_s=15)
