"""The registry's client on a real registry."""

from __future__ import annotations

import pytest
from pushed_images import push

from amcloud.clients.registry import OciRegistry
from amcloud.errors import UnavailableError
from amcloud_sandbox.testing.services import RegistryServer, registry

__all__ = ["registry"]
COMMIT = "a" * 40
PROJECT = "cpam-bas-rhin/suivi-courriers"


def test_an_image_is_named_by_its_digest_and_says_its_revision(registry: RegistryServer) -> None:
    labels = {"org.opencontainers.image.revision": COMMIT}
    digest = push(registry.url, PROJECT, COMMIT, {"config": {"Labels": labels}})
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
    push(registry.url, PROJECT, "b" * 40, config)
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
