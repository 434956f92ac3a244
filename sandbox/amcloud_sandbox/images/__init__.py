"""The images of the sandbox, made on this machine from Debian packages and wheels: nothing is pulled.

Each function returns the image's reference by digest once the registry has it; what was made once is kept in
``layout.cache`` and found again by a hash of what it is made of. Needs root (file owners inside the images).
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import definition, oci, operator_image, rootfs
from amcloud_sandbox.images.commands import Say
from amcloud_sandbox.images.oci import Built, Target
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.locks import one_at_a_time

__all__ = ["DEBIAN_PACKAGES", "Target", "operator", "pause", "php_base", "prebuild", "python_base"]

DEBIAN_PACKAGES = ("buildah", "mmdebstrap", "skopeo")
PAUSE_REPOSITORY = "amcloud/pause"
PAUSE_TAG = "1"
SANDBOX_REGISTRY = Target()


def prebuild(layout: Layout, say: Say) -> None:
    """The base images and the operator's wheels are in the cache; needs no registry: it may run beside a compile.

    Raises:
        SandboxError: a package source or index cannot be reached, or a tool fails.
    """
    for name in ("php-base", "python-base"):
        _built_base(name, layout, say)
    with _alone(layout, say):
        operator_image.fetch(layout, say)


def php_base(layout: Layout, say: Say, target: Target = SANDBOX_REGISTRY, *, repository: str = "") -> str:
    """Reference of the base image of hosted applications (nginx and php-fpm); ``repository``: another than its own."""
    return _base("php-base", layout, say, target, repository=repository)


def python_base(layout: Layout, say: Say, target: Target = SANDBOX_REGISTRY) -> str:
    """Reference of the base image of the operator (Python, git, PHP's command line)."""
    return _base("python-base", layout, say, target)


def operator(layout: Layout, say: Say, target: Target = SANDBOX_REGISTRY) -> str:
    """Reference of the operator's image, made of this checkout by its Dockerfile."""
    base = python_base(layout, say, target)
    with _alone(layout, say):
        built = operator_image.build(layout, base=base, say=say, target=target)
    say("envoi de l'image de l'opérateur au registre")
    return _push(built, layout, say, repository=operator_image.REPOSITORY, tag=operator_image.version(), target=target)


def pause(layout: Layout, say: Say, target: Target = SANDBOX_REGISTRY, *, program: Path) -> str:
    """Reference of the image that holds a pod's namespaces: the static ``program`` and nothing else."""
    name = f"pause-{hashlib.sha256(program.read_bytes()).hexdigest()[:16]}"
    with _alone(layout, say):
        built = oci.cached(layout, name)
        if built is None:
            made = oci.workplace(layout, name) / "image"
            oci.from_files(layout, {program: "/pause"}, entrypoint=("/pause",), user=65535, folder=made)
            built = oci.keep(layout, name, made)
    say("envoi de l'image pause au registre")
    return _push(built, layout, say, repository=PAUSE_REPOSITORY, tag=PAUSE_TAG, target=target)


def _base(name: str, layout: Layout, say: Say, target: Target, *, repository: str = "") -> str:
    built = _built_base(name, layout, say)
    what = definition.load(name)
    say(f"envoi de l'image {what.repository}:{what.tag} au registre")
    return _push(built, layout, say, repository=repository or what.repository, tag=what.tag, target=target)


def _built_base(name: str, layout: Layout, say: Say) -> Built:
    suite = rootfs.release(rootfs.OS_RELEASE.read_text(encoding="utf-8"))
    key = f"{name}-{definition.key(name, suite, *rootfs.LEFT_OUT)}"
    with _alone(layout, say):
        return oci.cached(layout, key) or _make_base(definition.load(name), layout, say, key)


def _push(built: Built, layout: Layout, say: Say, *, repository: str, tag: str, target: Target) -> str:
    """One at a time: the registry refuses a manifest whose layers another push is still linking."""
    with one_at_a_time(layout.cache / "push.lock", doing="envoi d'images au registre", say=say):
        return oci.push(built, repository=repository, tag=tag, target=target)


def _alone(layout: Layout, say: Say) -> AbstractContextManager[None]:
    return one_at_a_time(layout.cache / "images.lock", doing="fabrication des images", say=say)


def _make_base(what: definition.Definition, layout: Layout, say: Say, key: str) -> Built:
    made = oci.workplace(layout, key)
    tar = made / "rootfs.tar"
    image = made / "image"
    try:
        rootfs.build(what, target=tar, say=say, log=layout.cache / "logs" / f"{what.short_name}.log")
        oci.from_rootfs(layout, what, rootfs=tar, folder=image, say=say)
    except OSError as error:
        raise SandboxError(f"création de l'image {what.short_name}", str(error)) from error
    tar.unlink()
    return oci.keep(layout, key, image)
