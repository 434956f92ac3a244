"""One file that holds a cluster's resources: readable JSON, gzipped; its Secrets apart, encrypted or left out.

Without a passphrase no Secret is written. With one, Secrets are encrypted (AES-256-GCM, key by scrypt) and
authenticated together with the readable part: neither can be changed without the passphrase and stay believable.
"""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from amcloud.errors import BrokenInstallationError
from amcloud.stages.objects.operations import Object

FORMAT: Final = "amcloud-cluster/1"
SUFFIX: Final = ".json.gz"
MOST_BYTES: Final = 1024 * 1024 * 1024
SHORTEST_KEY: Final = 16
_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1, "length": 32}


@dataclass(frozen=True, slots=True)
class Archive:
    """The resources of a cluster at one moment."""

    taken_at: str
    """RFC 3339, UTC."""
    kubernetes_minor: int
    objects: tuple[Object, ...]
    """Everything but Secrets, as it will be written again."""
    secrets: tuple[Object, ...] = ()
    sealed: bool = False
    """Whether Secrets are, or were, in the file."""


def write(archive: Archive, path: Path, *, key: str) -> None:
    """The file at ``path``, readable by its owner alone and whole or absent; Secrets only with a ``key``.

    Raises:
        BrokenInstallationError: the key is too short to protect anything.
    """
    if key and len(key) < SHORTEST_KEY:
        raise BrokenInstallationError(f"la clé des sauvegardes a moins de {SHORTEST_KEY} caractères")
    plain = {
        "format": FORMAT,
        "takenAt": archive.taken_at,
        "kubernetesMinor": archive.kubernetes_minor,
        "objects": list(archive.objects),
    }
    whole = {**plain, "secrets": _sealed(archive.secrets, key, _digest(plain)) if key else None}
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(gzip.compress(json.dumps(whole, ensure_ascii=False).encode()))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, *, key: str) -> Archive:
    """The archive in a file; its Secrets too when there is a ``key``.

    Raises:
        BrokenInstallationError: it is no archive, was changed, is too big, or the key is not its own.
    """
    try:
        with gzip.open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        whole = json.loads(content) if len(content) <= MOST_BYTES else None
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise _unusable(path, f"illisible ({type(error).__name__})") from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise _unusable(path, f"ce n'est pas une sauvegarde de cluster ({FORMAT})")
    sealed = whole.pop("secrets", None)
    try:
        secrets = _opened(sealed, key, _digest(whole)) if sealed and key else ()
        objects = tuple(one for one in whole["objects"] if one["kind"] and one["metadata"]["name"])
        return Archive(whole["takenAt"], int(whole["kubernetesMinor"]), objects, secrets, bool(sealed))
    except InvalidTag as error:
        raise _unusable(path, "la clé n'est pas la sienne, ou elle a été modifiée") from error
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(path, f"abîmée ({type(error).__name__})") from error


def _sealed(secrets: tuple[Object, ...], key: str, with_: bytes) -> dict[str, str]:
    salt, nonce = os.urandom(16), os.urandom(12)
    text = json.dumps(list(secrets), ensure_ascii=False).encode()
    content = AESGCM(_derived(key, salt)).encrypt(nonce, text, with_)
    return {name: b64encode(value).decode() for name, value in (("salt", salt), ("nonce", nonce), ("content", content))}


def _opened(sealed: dict[str, str], key: str, with_: bytes) -> tuple[Object, ...]:
    salt, nonce, content = (b64decode(sealed[name], validate=True) for name in ("salt", "nonce", "content"))
    found: list[Any] = json.loads(AESGCM(_derived(key, salt)).decrypt(nonce, content, with_))
    return tuple(found)


def _derived(key: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, **_SCRYPT).derive(key.encode())


def _digest(plain: dict[str, Any]) -> bytes:
    return sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).digest()


def _unusable(path: Path, why: str) -> BrokenInstallationError:
    return BrokenInstallationError(f"sauvegarde {path.name} : {why}")
