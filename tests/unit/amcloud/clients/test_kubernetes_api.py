"""Addresses, versions and connections of the Kubernetes API; its answers are tested on a real server."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from amcloud.clients import connection
from amcloud.clients.kubernetes_api import Resource, _newest_first
from amcloud.errors import BrokenInstallationError

CONFIG = {
    "current-context": "a",
    "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", "certificate-authority": "ca.crt"}}],
    "users": [{"name": "u", "user": {"token": "jeton"}}],
}


def test_paths_are_quoted_and_say_group_and_namespace() -> None:
    assert Resource("v1", "namespaces", False).path(name="a") == "/api/v1/namespaces/a"
    assert Resource("apps/v1", "deployments", True).path("n", "a/b") == "/apis/apps/v1/namespaces/n/deployments/a%2Fb"
    assert Resource("v1", "pods", True).path("n", "p", "status") == "/api/v1/namespaces/n/pods/p/status"


def test_versions_are_ordered_as_kubernetes_does() -> None:
    versions = ["g/v1alpha1", "g/v1beta2", "g/v2beta1", "g/v1", "g/v2", "g/v1beta10"]
    assert sorted(versions, key=_newest_first) == ["g/v2", "g/v1", "g/v2beta1", "g/v1beta10", "g/v1beta2", "g/v1alpha1"]


def test_a_kubeconfig_is_read_with_what_it_holds_inline(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("x")
    file = tmp_path / "config"
    inline = {"client-certificate-data": base64.b64encode(b"cert").decode(), "client-key-data": "a2V5"}
    file.write_text(yaml.safe_dump({**CONFIG, "users": [{"name": "u", "user": inline}]}))
    found = connection.from_kubeconfig(file)
    assert found.server == "https://api.example:6443"
    assert found.authority == tmp_path / "ca.crt"
    assert found.certificate is not None
    assert [path.read_bytes() for path in found.certificate] == [b"cert", b"key"]
    assert found.certificate[1].stat().st_mode & 0o077 == 0


def test_a_token_of_a_kubeconfig_goes_to_a_file_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(CONFIG))
    found = connection.from_kubeconfig(file)
    assert found.token_file is not None
    assert found.token_file.read_text() == "jeton"


@pytest.mark.parametrize("content", ["", "[]", "a: b: c", yaml.safe_dump({**CONFIG, "current-context": "z"})])
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(BrokenInstallationError, match=str(file)):
        connection.from_kubeconfig(file)


def test_a_pod_finds_its_cluster(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("jeton")
    found = connection.in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, tmp_path)
    assert found.server == "https://[fd00::1]:443"
    with pytest.raises(BrokenInstallationError, match="pod"):
        connection.in_cluster({}, tmp_path)
