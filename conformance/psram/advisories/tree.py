"""The tree form: one YAML file an advisory, ``<vendor>/<project>/<id>.yaml``, as FriendsOfPHP/security-advisories.

All files count for the digest; only those of the packages that a lock names are parsed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
import yaml

from psram.advisories.database import BadEntryError, Correction, Database, Entries
from psram.advisories.packagist import MAX_TEXT, day
from psram.collect.yaml_data import too_deep
from psram.proofs import Advisory
from psram.yaml_loader import read

MAX_ENTRY_BYTES: Final = 256 * 1024
CORRECTIONS: Final = "corrections.json"
DATED: Final = "dated"
ENDINGS: Final = (".yaml", ".yml")
_TIME: Final = re.compile(rb"^\s*time:\s*['\"]?(\d{4}-\d{2}-\d{2})", re.MULTILINE)
_BELOW: Final = 3  # vendor, project, file


def wanted(path: str) -> bool:
    """Whether a file of that path belongs to the database."""
    parts = PurePosixPath(path).parts
    entry = path.endswith(ENDINGS) and len(parts) >= _BELOW
    return (entry and not any(p.startswith(".") for p in parts)) or parts[-1:] in ((CORRECTIONS,), (DATED,))


def load(files: Sequence[tuple[str, bytes]], source: str) -> Database:
    """The database of these files: path and content."""
    digest = hashlib.sha256()
    packages: dict[str, list[tuple[str, bytes]]] = {}
    newest: date | None = None
    corrections: tuple[Correction, ...] = ()
    for path, content in sorted(_rooted(files)):
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(content).digest())
        parts = PurePosixPath(path).parts
        if parts == (DATED,):
            newest = day(content[:10].decode("ascii", "replace"))
        elif parts == (CORRECTIONS,):
            try:
                corrections = msgspec.json.decode(content, type=tuple[Correction, ...])
            except (msgspec.DecodeError, UnicodeDecodeError):
                return _unusable(source, f"{CORRECTIONS} est coupé ou mal formé")
        elif len(parts) == _BELOW:
            packages.setdefault(f"{parts[0]}/{parts[1]}".lower(), []).append((path, content))
    if not packages:
        expected = "un dossier contient fournisseur/projet/avis.yaml, ou un fichier advisories.json"
        return _unusable(source, f"elle est vide ({expected})")
    newest = newest or _newest(packages)
    if newest is None:
        return _unusable(source, "elle ne porte aucune date")
    return Database(
        source=source,
        digest="sha256:" + digest.hexdigest(),
        dated=newest,
        size=sum(map(len, packages.values())),
        packages={name: _later(name, found) for name, found in packages.items()},
        corrections=corrections,
    )


def _rooted(files: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The files with the archive's own top folder taken off."""
    entries = [PurePosixPath(path).parts for path, _ in files if path.endswith(ENDINGS)]
    tops = {parts[0] for parts in entries}
    if len(tops) == 1 and all(len(parts) > _BELOW for parts in entries):
        top = f"{tops.pop()}/"
        return [(path.removeprefix(top), content) for path, content in files]
    return list(files)


def _newest(packages: Mapping[str, list[tuple[str, bytes]]]) -> date | None:
    found = (m[1].decode() for listed in packages.values() for _, content in listed for m in _TIME.finditer(content))
    return max((d for d in map(day, found) if d is not None), default=None)


def _later(package: str, files: list[tuple[str, bytes]]) -> Entries:
    kept: list[tuple[Advisory, ...]] = []

    def parsed() -> tuple[Advisory, ...]:
        if not kept:
            kept.append(tuple(_advisory(package, path, content) for path, content in files))
        return kept[0]

    return parsed


def _advisory(package: str, path: str, content: bytes) -> Advisory:
    entry = _yaml(path, content)
    branches = entry.get("branches")
    if not isinstance(branches, dict) or not branches:
        raise BadEntryError(_damaged(path))
    affected, times = [], []
    for branch in branches.values():
        listed = branch.get("versions") if isinstance(branch, dict) else None
        if not isinstance(listed, list) or not listed or not all(isinstance(v, str) for v in listed):
            raise BadEntryError(_damaged(path))
        affected.append(",".join(listed))
        times.append(day(branch.get("time")))
    known = [d for d in times if d is not None]
    return Advisory(
        package=package,
        id=str(entry.get("cve") or PurePosixPath(path).stem)[:MAX_TEXT],
        title=str(entry.get("title") or "")[:MAX_TEXT],
        affected=tuple(affected),
        link=str(entry.get("link") or "")[:MAX_TEXT],
        reported_on=min(known) if known else None,
    )


def _yaml(path: str, content: bytes) -> dict[str, Any]:
    try:
        text = content.decode("utf-8")
        if len(content) > MAX_ENTRY_BYTES or too_deep(text):
            raise BadEntryError(_damaged(path))
        entry = read(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadEntryError(_damaged(path)) from error
    if not isinstance(entry, dict) or not str(entry.get("reference", "")).startswith("composer://"):
        raise BadEntryError(_damaged(path))
    return entry


def _damaged(path: str) -> str:
    return f"la base d'avis de sécurité est inutilisable : {path} est coupé ou mal formé"


def _unusable(source: str, why: str) -> Database:
    return Database(source=source, problem=f"la base d'avis de sécurité est inutilisable : {why}")
