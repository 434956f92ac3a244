"""Reads a database from a path or from bytes. Never raises: what cannot be trusted becomes the database's problem."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from psram.advisories import packagist, tree
from psram.advisories.database import Database

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_FILES: Final = 50_000
JSON: Final = "advisories.json"
_ZIP: Final = b"PK\x03\x04"
_SEAL: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})(?:\s.*)?", re.DOTALL)
_CUT: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    IndexError,  # zipfile, where a name's bytes were changed to none
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
)
"""What zipfile raises for an archive that is damaged."""


def read(path: Path) -> Database:
    """The database at that path: a folder (a tree, or one that holds :data:`JSON`), a zip archive or a JSON file.

    Where ``<file>.sha256`` lies beside a file, the file must have that digest.
    """
    source = str(path)
    try:
        if path.is_dir():
            files = list(_walk(path))
            inside = path / JSON
            if any(name.endswith(tree.ENDINGS) for name, _ in files) or not inside.is_file():
                return tree.load(files, source)
            path = inside
        if path.stat().st_size > MAX_BYTES:
            return _unusable(source, f"elle dépasse {MAX_BYTES // 1024 // 1024} Mio")
        content = path.read_bytes()
        seal = path.with_name(path.name + ".sha256")
        expected = seal.read_text("ascii")[:200] if seal.is_file() else ""
    except FileNotFoundError:
        return _unusable(source, "elle n'existe pas à cet endroit")
    except (OSError, ValueError) as error:
        return _unusable(source, f"elle ne peut pas être lue ({error.__class__.__name__})")
    return parse(content, source=source, seal=expected)


def parse(content: bytes, *, source: str, seal: str = "") -> Database:
    """The database of that content; ``seal`` is the SHA-256 that it must have, where its mirror publishes it."""
    if len(content) > MAX_BYTES:
        return _unusable(source, f"elle dépasse {MAX_BYTES // 1024 // 1024} Mio")
    expected = _SEAL.fullmatch(seal.strip().lower()) if seal else None
    if seal and (expected is None or hashlib.sha256(content).hexdigest() != expected[1]):
        return _unusable(source, "son empreinte n'est pas celle que son miroir annonce : incomplète ou altérée")
    if content.startswith(_ZIP):
        return _archive(content, source)
    return packagist.load(content, source)


def _archive(content: bytes, source: str) -> Database:
    """A zip of the tree, as forges make them; sizes are bounded before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > MAX_FILES or sum(m.file_size for m in members) > MAX_BYTES:
                return _unusable(source, "son archive est démesurée")
            files = [(m.filename, archive.read(m)) for m in members if tree.wanted(m.filename)]
    except _CUT:
        return _unusable(source, "son archive zip est coupée ou illisible")
    return tree.load(files, source)


def _walk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Entries of the tree in a folder: links are not followed, ``.git`` is left out."""
    seen = total = 0
    for current, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            file = Path(current) / name
            inside = str(PurePosixPath(file.relative_to(folder)))
            if not tree.wanted(inside) or file.is_symlink():
                continue
            seen, total = seen + 1, total + file.stat().st_size
            if seen > MAX_FILES or total > MAX_BYTES:
                raise ValueError("too big")
            yield inside, file.read_bytes()


def _unusable(source: str, why: str) -> Database:
    return Database(source=source, problem=f"la base d'avis de sécurité est inutilisable : {why}")
