"""Where Kubernetes' programs come from: already on this machine, in the cache, or compiled from Debian's sources."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox import kubernetes_build
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.locks import one_at_a_time
from amcloud_sandbox.programs import run

SERVER_PROGRAMS = ("kube-apiserver", "kube-controller-manager")
CLUSTER_PROGRAMS = (*SERVER_PROGRAMS, "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
BUILD_PACKAGES = ("golang-go", "dpkg-dev", "xz-utils", "patch")


@dataclass(frozen=True, slots=True)
class Programs:
    """Kubernetes' programs that belong together: one folder, one version."""

    folder: Path

    def path(self, name: str) -> str:
        """Full path of the program called ``name``."""
        return str(self.folder / name)

    def minor(self) -> int:
        """Minor version of the API server (20 for 1.20.2); flags differ between versions."""
        text = run([self.path("kube-apiserver"), "--version"], doing="version de kube-apiserver", say=lambda _: None)
        return int(text.strip().split()[-1].lstrip("v").split(".")[1])


def cached(layout: Layout) -> Path:
    """Folder in which compiled programs are kept; it exists only when it is complete."""
    return layout.cache / f"kubernetes-{kubernetes_build.VERSION}-{kubernetes_build.REVISION}" / "bin"


def find(names: Sequence[str], *, layout: Layout) -> Programs | None:
    """Programs called ``names``, all from one place, or None; the order is KUBEBUILDER_ASSETS, the cache, PATH."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    on_path = shutil.which(names[0])
    candidates = [Path(assets) if assets else None, cached(layout), Path(on_path).parent if on_path else None]
    for folder in candidates:
        if folder and all(os.access(folder / name, os.X_OK) for name in names):
            return Programs(folder)
    return None


def build_packages(names: Sequence[str], *, layout: Layout) -> tuple[str, ...]:
    """Debian packages needed to compile ``names``; none when they are there already."""
    return () if find(names, layout=layout) else BUILD_PACKAGES


def ensure(names: Sequence[str], *, layout: Layout, say: Callable[[str], None]) -> Programs:
    """Programs called ``names``, compiled now (about two minutes) when this machine has none.

    Raises:
        SandboxError: they are absent and Debian's sources cannot be had or compiled.
    """
    found = find(names, layout=layout)
    if found:
        return found
    with one_at_a_time(layout.cache / "kubernetes.lock", doing="compilation de Kubernetes", say=say):
        found = find(names, layout=layout)  # another command may just have compiled them
        if found is None:
            kubernetes_build.build(cached(layout).parent, layout.cache / "kubernetes.work", say)
            found = find(names, layout=layout)
    if found is None:
        raise SandboxError("programmes de Kubernetes", f"la compilation n'a pas produit {', '.join(names)}")
    return found


def ensure_pause(*, layout: Layout, say: Callable[[str], None]) -> Path:
    """The static ``pause`` program, compiled now where Kubernetes' programs came from elsewhere (needs Go)."""
    path = layout.cache / "pause"
    if not path.exists():
        layout.cache.mkdir(parents=True, exist_ok=True)
        kubernetes_build.build_pause(path, say)
    return path
