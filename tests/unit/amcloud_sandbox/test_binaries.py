"""Where Kubernetes' programs come from, and what a failed compilation leaves."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from amcloud_sandbox import binaries, containerd, kubernetes_build
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

NAMES = ("kube-apiserver", "kubectl")


def _programs(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    return Layout(state=tmp_path / "state", cache=tmp_path / "cache")


def test_what_the_person_names_comes_before_the_cache_and_the_path(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert binaries.find(NAMES, layout=layout) is None
    on_path = _programs(tmp_path / "usr", *NAMES)
    monkeypatch.setenv("PATH", str(on_path))
    assert binaries.find(NAMES, layout=layout) == binaries.Programs(on_path)
    cached = _programs(binaries.cached(layout), *NAMES)
    assert binaries.find(NAMES, layout=layout) == binaries.Programs(cached)
    assets = _programs(tmp_path / "assets", *NAMES)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert binaries.find(NAMES, layout=layout) == binaries.Programs(assets)


def test_programs_of_two_places_are_never_mixed(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(_programs(tmp_path / "assets", "kube-apiserver")))
    _programs(binaries.cached(layout), "kubectl")
    assert binaries.find(NAMES, layout=layout) is None


def test_a_compiler_is_needed_only_where_programs_are_missing(layout: Layout) -> None:
    assert "golang-go" in binaries.build_packages(NAMES, layout=layout)
    _programs(binaries.cached(layout), *NAMES)
    assert binaries.build_packages(NAMES, layout=layout) == ()


def test_a_failed_compilation_leaves_no_cache(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_: object, out: Path, __: object) -> None:
        (out / "kube-apiserver").touch(mode=0o755)
        raise SandboxError("compilation", "plus de place")

    monkeypatch.setattr(kubernetes_build, "_fetch", lambda tree, say: tree.kubernetes.mkdir(parents=True))
    monkeypatch.setattr(kubernetes_build, "_generate_openapi", lambda tree, say: None)
    monkeypatch.setattr(kubernetes_build, "_compile", half)
    with pytest.raises(SandboxError, match="plus de place"):
        binaries.ensure(NAMES, layout=layout, say=lambda _: None)
    assert not binaries.cached(layout).exists()
    assert binaries.find(NAMES, layout=layout) is None


def test_programs_say_the_version_that_was_compiled() -> None:
    flags = kubernetes_build._version_flags()
    assert "component-base/version.gitVersion=v1.20.2" in flags
    assert "client-go/pkg/version.gitMinor=20" in flags


def test_the_pause_image_is_the_same_bytes_for_the_same_program() -> None:
    archive = containerd.pause_archive(b"program")
    assert archive == containerd.pause_archive(b"program") != containerd.pause_archive(b"other")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        layer = next(name for name in tar.getnames() if name.endswith("/layer.tar"))
        content = tar.extractfile(layer)
        assert content is not None
        with tarfile.open(fileobj=BytesIO(content.read())) as inner:
            assert inner.getnames() == ["pause"]
            assert inner.getmember("pause").mode == 0o755
