"""The registry's client on a real registry."""

from __future__ import annotations

import hashlib
import json

import pytest
import requests

from amcloud.clients.registry import OciRegistry
from amcloud.errors import UnavailableError
from amcloud_sandbox.testing.services import RegistryServer, registry

__all__ = ["registry"]
COMMIT = "a" * 40
PROJECT = "cpam-bas-rhin/suivi-courriers"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push(server: RegistryServer, project: str, tag: str, config: object) -> str:
    """Digest of an image with that configuration and no layer."""
    content = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    upload = requests.post(f"{server.url}/v2/{project}/blobs/uploads/", timeout=10)
    place = upload.headers["Location"]
    done = requests.put(f"{place}{'&' if '?' in place else '?'}digest={digest}", data=content, timeout=10)
    assert done.status_code == 201
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest,
            "size": len(content),
        },
        "layers": [],
    }
    body = json.dumps(manifest).encode()
    headers = {"Content-Type": MANIFEST}
    put = requests.put(f"{server.url}/v2/{project}/manifests/{tag}", data=body, headers=headers, timeout=10)
    assert put.status_code == 201, put.text
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_an_image_is_named_by_its_digest_and_says_its_revision(registry: RegistryServer) -> None:
    labels = {"org.opencontainers.image.revision": COMMIT}
    digest = push(registry, PROJECT, COMMIT, {"config": {"Labels": labels}})
    found = OciRegistry(registry.url, "localhost:5000").image(PROJECT, COMMIT)
    assert found is not None
    assert found.reference == f"localhost:5000/{PROJECT}@{digest}"
    assert found.revision == COMMIT


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"config": {}}, id="no labels"),
        pytest.param({"config": {"Labels": None}}, id="labels null"),
        pytest.param({"config": {"Labels": {"org.opencontainers.image.revision": 7}}}, id="a number"),
        pytest.param({}, id="no configuration"),
        pytest.param({"config": ["x"]}, id="a list"),
    ],
)
def test_an_image_that_says_no_revision_has_none(registry: RegistryServer, config: object) -> None:
    push(registry, PROJECT, "b" * 40, config)
    found = OciRegistry(registry.url, "localhost:5000").image(PROJECT, "b" * 40)
    assert found is not None
    assert found.revision == ""


def test_a_commit_without_image_has_none(registry: RegistryServer) -> None:
    client = OciRegistry(registry.url, "localhost:5000")
    assert client.image(PROJECT, "e" * 40) is None
    assert client.image("cpam-bas-rhin/inconnu", COMMIT) is None


@pytest.mark.parametrize("project", ["../../v2/_catalog", "a b/c", "a//b", "é/b", "a/b?x=1", ""])
def test_a_strange_project_asks_nothing(project: str) -> None:
    assert OciRegistry("http://127.0.0.1:1", "localhost:5000").image(project, COMMIT) is None


def test_a_registry_that_is_down_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="registre"):
        OciRegistry("http://127.0.0.1:1", "localhost:5000").image(PROJECT, COMMIT)
