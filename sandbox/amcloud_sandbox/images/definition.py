"""What a base image is made of: ``<folder>/image.yaml`` and the files beside it. Pure, apart from reading them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

HERE = Path(__file__).parent


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A base image: Debian packages, files put in, and how a container starts."""

    repository: str
    tag: str
    packages: tuple[str, ...]
    user: int
    account: str
    files: dict[str, str] = {}
    folders: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    without_extensions: tuple[str, ...] = ()
    port: int | None = None
    workdir: str = "/"
    entrypoint: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}

    @property
    def short_name(self) -> str:
        """Last part of the repository's name: ``php-base``."""
        return self.repository.rpartition("/")[2]


def folder(name: str) -> Path:
    """Folder of the definition called ``name``."""
    return HERE / name


def load(name: str) -> Definition:
    """The definition in the folder called ``name``."""
    return msgspec.yaml.decode((folder(name) / "image.yaml").read_bytes(), type=Definition)


def key(name: str, *others: str) -> str:
    """Short hash that changes when the definition's folder, or one of ``others``, does."""
    digest = hashlib.sha256()
    for path in sorted(folder(name).iterdir()):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    for other in others:
        digest.update(other.encode() + b"\0")
    return digest.hexdigest()[:16]
