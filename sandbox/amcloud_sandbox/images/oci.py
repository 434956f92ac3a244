"""Images as OCI folders in the cache, and from there into a registry.

buildah makes an image (its own storage, kept in the cache so that layers are found again), writes it once as an OCI
folder with compressed layers; skopeo copies that folder to a registry without any storage in between. So an image has
the same digest in every registry that it is pushed to.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import commands
from amcloud_sandbox.images.definition import Definition
from amcloud_sandbox.layout import REGISTRY_NAME, Layout

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PROBE_TIMEOUT_S = 10
MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Target:
    """A registry: ``name`` starts the names of its images, ``api`` is the address it is reached at from here."""

    name: str = REGISTRY_NAME
    api: str = f"127.0.0.1:{REGISTRY_NAME.rpartition(':')[2]}"
    tls: bool = False

    def tls_option(self, side: str = "") -> str:
        """The option of buildah and skopeo (``side``: ``dest-``) that says whether certificates are checked."""
        return f"--{side}tls-verify={'true' if self.tls else 'false'}"


@dataclass(frozen=True, slots=True)
class Built:
    """An image in an OCI folder of the cache."""

    folder: Path
    digest: str


def storage_options(layout: Layout) -> tuple[str, ...]:
    """Options of buildah for the sandbox's own storage; with ``--root`` the driver must be said."""
    driver = _driver(layout)
    return ("--root", str(layout.cache / "containers" / driver), "--runroot", str(layout.state / "containers"),
            "--storage-driver", driver)  # fmt: skip


ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot"}  # needs neither user namespaces nor a running engine


def buildah(layout: Layout, *arguments: str, doing: str, timeout_s: float = 120) -> str:
    """Output of buildah on the sandbox's storage."""
    argv = ("buildah", *storage_options(layout), *arguments)
    return commands.output(argv, doing=doing, env=ENVIRONMENT, timeout_s=timeout_s)


_drivers: dict[Path, str] = {}


def _driver(layout: Layout) -> str:
    """``overlay`` where it works in the cache's file system (much faster), else ``vfs``; found out once."""
    if layout.cache not in _drivers:
        root = layout.cache / "containers" / "overlay"
        runroot = layout.state / "containers"
        argv = ("buildah", "--root", str(root), "--runroot", str(runroot), "--storage-driver", "overlay", "images")
        try:
            commands.output(argv, doing="essai du stockage overlay")
            _drivers[layout.cache] = "overlay"
        except SandboxError:
            _drivers[layout.cache] = "vfs"
    return _drivers[layout.cache]


def release(layout: Layout) -> None:
    """No mount of the image storage is left, of builds that were cut short neither; the stored layers stay."""
    inside = f"{layout.cache / 'containers'}/"
    mounts = [line.split(" ")[1] for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    for mount in sorted((path for path in mounts if path.startswith(inside)), key=len, reverse=True):
        commands.output(("umount", "--lazy", mount), doing="libération du stockage des images")


def from_rootfs(layout: Layout, definition: Definition, *, rootfs: Path, folder: Path, say: commands.Say) -> None:
    """``folder`` holds the image of ``definition`` made of the tar file ``rootfs``."""
    doing = f"création de l'image {definition.short_name}"
    say(doing)
    container = buildah(layout, "from", "scratch", doing=doing)
    try:
        buildah(layout, "add", container, str(rootfs), "/", doing=doing)
        buildah(layout, "config", *_settings(definition), container, doing=doing)
        _commit(layout, container, folder, doing=doing)
    finally:
        buildah(layout, "rm", container, doing=doing)


def from_files(layout: Layout, files: dict[Path, str], *, entrypoint: Sequence[str], user: int, folder: Path) -> None:
    """``folder`` holds an image of nothing but ``files`` (file here: path in the image)."""
    doing = f"création de l'image {folder.name}"
    container = buildah(layout, "from", "scratch", doing=doing)
    try:
        for file, path in files.items():
            buildah(layout, "copy", "--chmod", "0755", container, str(file), path, doing=doing)
        settings = ("--entrypoint", json.dumps(list(entrypoint)), "--cmd", "", "--user", f"{user}:{user}")
        buildah(layout, "config", *settings, container, doing=doing)
        _commit(layout, container, folder, doing=doing)
    finally:
        buildah(layout, "rm", container, doing=doing)


def _commit(layout: Layout, container: str, folder: Path, *, doing: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    buildah(
        layout, "commit", "--format", "oci", "--disable-compression=false", container, f"oci:{folder}", doing=doing,
        timeout_s=300,
    )  # fmt: skip


def _settings(definition: Definition) -> Iterable[str]:
    yield from ("--user", f"{definition.user}:{definition.user}")
    yield from ("--workingdir", definition.workdir, "--stop-signal", "SIGTERM", "--cmd", "")
    if definition.port:
        yield from ("--port", str(definition.port))
    if definition.entrypoint:
        yield from ("--entrypoint", json.dumps(list(definition.entrypoint)))
    for name, value in definition.environment.items():
        yield from ("--env", f"{name}={value}")
    for name, value in definition.labels.items():
        yield from ("--label", f"{name}={value}")


def cached(layout: Layout, name: str) -> Built | None:
    """The image kept under ``name`` (definition and key) in the cache, if it is there whole."""
    folder = _folder(layout, name)
    try:
        index = json.loads((folder / "index.json").read_bytes())
        return Built(folder, str(index["manifests"][0]["digest"]))
    except (OSError, ValueError, LookupError):
        return None


def workplace(layout: Layout, name: str) -> Path:
    """An empty folder beside the cached images, to make the image ``name`` in."""
    folder = _folder(layout, name).with_suffix(".part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def keep(layout: Layout, name: str, made: Path) -> Built:
    """The image made in the folder ``made`` is kept under ``name``; earlier ones of the same kind are removed.

    The image appears under its name at once and whole: an interrupted run leaves nothing that passes for an image.
    """
    folder = _folder(layout, name)
    made.rename(folder)
    kind = name.rpartition("-")[0]
    for old in folder.parent.glob(f"{kind}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    built = cached(layout, name)
    if built is None:
        raise SandboxError(f"création de l'image {name}", f"dossier OCI incomplet : {folder}")
    return built


def _folder(layout: Layout, name: str) -> Path:
    return layout.cache / "images" / name


def push(built: Built, *, repository: str, tag: str, target: Target) -> str:
    """Reference by digest of ``built`` once the registry has it under ``repository:tag``."""
    if not _present(built, repository=repository, tag=tag, target=target):
        argv = ("skopeo", "copy", "--insecure-policy", "--preserve-digests", target.tls_option("dest-"),
                f"oci:{built.folder}", f"docker://{target.api}/{repository}:{tag}")  # fmt: skip
        commands.output(argv, doing=f"envoi de l'image {repository}:{tag} au registre {target.api}", timeout_s=300)
    return f"{target.name}/{repository}@{built.digest}"


def _present(built: Built, *, repository: str, tag: str, target: Target) -> bool:
    scheme = "https" if target.tls else "http"
    url = f"{scheme}://{target.api}/v2/{repository}/manifests/{tag}"
    try:
        answer = requests.head(url, headers={"Accept": MANIFEST}, timeout=PROBE_TIMEOUT_S)
    except requests.RequestException:
        return False  # skopeo will say what is wrong
    return answer.headers.get("Docker-Content-Digest") == built.digest
