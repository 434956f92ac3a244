"""The sandbox's registry with real tools: images made by buildah, copied by skopeo, deleted by the registry's API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from amcloud_sandbox import images
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import Target, oci
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.parts.registry import Registry
from amcloud_sandbox.testing.services import RegistryServer, free_port, registry, temporary_layout

__all__ = ["registry"]


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with temporary_layout() as found:
        yield found
        oci.release(found)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF no program, but a file that nobody runs")
    return path


def digest_of(url: str, repository: str, reference: str) -> str | None:
    answer = requests.head(f"{url}/v2/{repository}/manifests/{reference}", headers={"Accept": oci.MANIFEST}, timeout=10)
    return answer.headers.get("Docker-Content-Digest") if answer.ok else None


def test_an_image_has_the_same_digest_in_every_registry_and_is_made_once(
    layout: Layout, program: Path, registry: RegistryServer
) -> None:
    said: list[str] = []
    target = Target(name=registry.name, api=registry.name)
    first = images.pause(layout, said.append, target, program=program)
    made = {path: path.stat().st_mtime_ns for path in (layout.cache / "images").rglob("*")}
    again = images.pause(layout, said.append, target, program=program)
    digest = first.rpartition("@")[2]
    assert first == again == f"{registry.name}/amcloud/pause@{digest}"
    assert made == {path: path.stat().st_mtime_ns for path in (layout.cache / "images").rglob("*")}
    assert digest_of(registry.url, "amcloud/pause", "1") == digest
    other = Registry(hosts=("127.0.0.1",), port=free_port())
    with temporary_layout() as elsewhere:
        try:
            other.up(elsewhere, print)
            name = f"127.0.0.1:{other.port}"
            assert images.pause(layout, said.append, Target(name, name), program=program).endswith(digest)
        finally:
            other.down(elsewhere)


def test_another_program_makes_another_image(layout: Layout, program: Path, registry: RegistryServer) -> None:
    target = Target(name=registry.name, api=registry.name)
    first = images.pause(layout, print, target, program=program)
    program.write_bytes(b"\x7fELF another one")
    second = images.pause(layout, print, target, program=program)
    assert first != second
    assert digest_of(registry.url, "amcloud/pause", "1") == second.rpartition("@")[2]


def test_a_deleted_manifest_is_gone(layout: Layout, program: Path, registry: RegistryServer) -> None:
    target = Target(name=registry.name, api=registry.name)
    digest = images.pause(layout, print, target, program=program).rpartition("@")[2]
    url = f"{registry.url}/v2/amcloud/pause/manifests/{digest}"
    assert requests.delete(url, timeout=10).status_code == 202
    assert digest_of(registry.url, "amcloud/pause", digest) is None


def test_both_addresses_of_the_registry_serve_the_same_images_at_once(program: Path, layout: Layout) -> None:
    part = Registry(hosts=("127.0.0.1", "127.0.0.2"), port=free_port())
    with temporary_layout() as here:
        try:
            part.up(here, print)
            target = Target(name=f"127.0.0.1:{part.port}", api=f"127.0.0.1:{part.port}")
            digest = images.pause(layout, print, target, program=program).rpartition("@")[2]
            urls = [f"http://{host}:{part.port}" for host in part.hosts]
            assert [digest_of(url, "amcloud/pause", "1") for url in urls] == [digest, digest]
            requests.delete(f"{urls[0]}/v2/amcloud/pause/manifests/{digest}", timeout=10).raise_for_status()
            assert [digest_of(url, "amcloud/pause", digest) for url in urls] == [None, None]
        finally:
            part.down(here)
        assert not part.healthy(here)


def test_a_registry_that_is_down_is_named(layout: Layout, program: Path) -> None:
    port = free_port()
    with pytest.raises(SandboxError, match=f"registre 127.0.0.1:{port}"):
        images.pause(layout, print, Target(f"127.0.0.1:{port}", f"127.0.0.1:{port}"), program=program)
