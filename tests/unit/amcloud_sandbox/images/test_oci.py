"""Images kept in the cache: whole or absent, one of a kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import oci
from amcloud_sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(state=tmp_path / "state", cache=tmp_path / "cache")


def make(layout: Layout, name: str, digest: str) -> oci.Built:
    made = oci.workplace(layout, name) / "image"
    made.mkdir()
    (made / "index.json").write_text(json.dumps({"manifests": [{"digest": digest}]}))
    return oci.keep(layout, name, made)


def test_a_kept_image_is_found_again_by_its_name(layout: Layout) -> None:
    assert make(layout, "php-base-1", "sha256:a") == oci.cached(layout, "php-base-1")


def test_an_unfinished_image_is_not_found(layout: Layout) -> None:
    oci.workplace(layout, "php-base-1")
    assert oci.cached(layout, "php-base-1") is None


def test_keeping_an_image_removes_the_earlier_ones_of_its_kind_alone(layout: Layout) -> None:
    make(layout, "php-base-1", "sha256:a")
    make(layout, "python-base-1", "sha256:b")
    make(layout, "php-base-2", "sha256:c")
    assert sorted(path.name for path in (layout.cache / "images").iterdir()) == ["php-base-2", "python-base-1"]


def test_a_folder_that_is_no_image_is_refused(layout: Layout) -> None:
    with pytest.raises(SandboxError, match="incomplet"):
        oci.keep(layout, "php-base-1", oci.workplace(layout, "php-base-1"))


def test_certificates_are_not_checked_on_the_loopback_registry_alone() -> None:
    assert oci.Target().tls_option("dest-") == "--dest-tls-verify=false"
    assert oci.Target(name="r.invalid", api="r.invalid", tls=True).tls_option() == "--tls-verify=true"
