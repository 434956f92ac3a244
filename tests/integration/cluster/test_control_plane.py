"""The control plane that the integration tests share really serves, with its controllers and its access rules."""

from __future__ import annotations

import subprocess
import time

import pytest

from amcloud_sandbox import binaries
from amcloud_sandbox.control_plane import ControlPlane


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> list[str]:
    programs = binaries.ensure(binaries.CLUSTER_PROGRAMS, layout=control_plane.layout, say=print)
    return [programs.path("kubectl"), f"--kubeconfig={control_plane.kubeconfig}"]


def _run(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_a_namespace_is_created_and_the_controllers_give_it_an_account(kubectl: list[str]) -> None:
    created = _run(kubectl, "create", "namespace", "essai-plan-de-controle")
    assert created.returncode == 0, created.stderr
    try:
        deadline = time.monotonic() + 30
        while _run(kubectl, "get", "sa", "default", "-n", "essai-plan-de-controle").returncode:
            assert time.monotonic() < deadline, "the controller manager made no account"
            time.sleep(0.2)
    finally:
        _run(kubectl, "delete", "namespace", "essai-plan-de-controle", "--wait=false")


def test_a_custom_resource_can_be_written(kubectl: list[str]) -> None:
    """The vendored reflect2 1.0.1 would crash the API server here."""
    definition = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: essais.exemple.amcloud.localhost}
spec:
  group: exemple.amcloud.localhost
  names: {kind: Essai, plural: essais}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
    resource = """
apiVersion: exemple.amcloud.localhost/v1
kind: Essai
metadata: {name: un}
spec: {carte: {a: 1, b: [2]}}
"""
    try:
        _apply(kubectl, definition)
        established = _run(
            kubectl, "wait", "--for=condition=Established", "crd/essais.exemple.amcloud.localhost", "--timeout=30s"
        )
        assert established.returncode == 0, established.stderr
        _apply(kubectl, resource)
        assert _run(kubectl, "get", "essai", "un", "-o", "jsonpath={.spec.carte.b[0]}").stdout == "2"
    finally:
        _run(kubectl, "delete", "crd", "essais.exemple.amcloud.localhost")


def _apply(kubectl: list[str], manifest: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        applied = subprocess.run(
            [*kubectl, "apply", "-f", "-"], input=manifest, capture_output=True, text=True, check=False, timeout=60
        )
        if applied.returncode == 0:
            return
        assert time.monotonic() < deadline, applied.stderr
        time.sleep(0.3)


def test_the_server_reports_the_version_that_was_compiled(kubectl: list[str]) -> None:
    assert '"gitVersion": "v1.' in _run(kubectl, "get", "--raw", "/version").stdout


def test_a_certificate_without_rights_is_refused(control_plane: ControlPlane, kubectl: list[str]) -> None:
    leaf = control_plane.authority.leaf("essai-sans-droit", user="personne", groups=["amcloud:auditeurs"])
    path = control_plane.layout.state / "personne.kubeconfig"
    control_plane.authority.kubeconfig(path, server=control_plane.server, leaf=leaf, user="personne")
    refused = _run([kubectl[0], f"--kubeconfig={path}"], "get", "secrets", "-A")
    assert refused.returncode == 1
    assert 'User "personne" cannot list resource "secrets"' in refused.stderr
