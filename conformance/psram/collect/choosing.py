"""Which contents are read, and as what, from paths and sizes alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from psram.facts import FileFact, Kind, Skip
from psram.roles import Role, roles
from psram.vocabulary import Limits

MANIFEST: Final = "composer.json"
LOCK: Final = "composer.lock"
MANIFEST_MAX_BYTES: Final = 8 * 1024 * 1024
EXCLUDED: Final = ("vendor/", "node_modules/", "var/")
"""Derived content: not analysed, and therefore refused by GOV-007."""
_BINARY_NAMES: Final = (
    *(".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".woff", ".woff2", ".ttf", ".eot", ".otf"),
    *(".pdf", ".zip", ".phar", ".jar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".zst", ".rar", ".exe", ".so", ".dll"),
    *(".mp4", ".mp3", ".odt", ".ods", ".docx", ".xlsx", ".sqlite", ".db", ".bin"),
)


@dataclass(slots=True)
class Choice:
    """What to read. ``wanted`` (with the size) is in order; ``roles`` by blob; ``skipped`` by path."""

    wanted: dict[str, int] = field(default_factory=dict)
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    skipped: dict[str, Skip] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def choose(files: Iterable[FileFact], limits: Limits) -> Choice:
    """Contents to read within the limits; nothing bigger than ``max_blob_bytes`` is ever loaded (manifests: 8 MiB)."""
    choice = Choice()
    total = 0
    for file in files:
        if file.kind is Kind.SUBMODULE:
            continue
        if file.kind is Kind.LINK:
            if file.size <= limits.max_blob_bytes:
                choice.links.add(file.blob)
                choice.wanted[file.blob] = file.size
            continue
        reason = _reason_to_skip(file, limits)
        if reason is None and file.blob not in choice.wanted:
            total += file.size
            if total > limits.max_total_bytes:
                reason, choice.problem = Skip.BUDGET, "le dépôt est trop volumineux pour être lu en entier"
        if file.path in (MANIFEST, LOCK):
            choice.manifests[file.path] = "" if reason is not None else file.blob
        if reason is not None:
            choice.skipped[file.path] = reason
            continue
        choice.wanted[file.blob] = file.size
        if file.path != LOCK:
            found = roles(file.path)
            choice.roles[file.blob] = choice.roles[file.blob] | found if file.blob in choice.roles else found
    return choice


def readable(path: str, size: int, limits: Limits) -> bool:
    """Whether a content of that path and size would be read."""
    return _reason_to_skip(FileFact(path, "", size), limits) is None


def _reason_to_skip(file: FileFact, limits: Limits) -> Skip | None:
    if file.path.startswith(EXCLUDED):
        return Skip.EXCLUDED
    if file.path.lower().endswith(_BINARY_NAMES):
        return Skip.BINARY
    if file.size <= limits.max_blob_bytes:
        return None
    return None if file.path in (MANIFEST, LOCK) and file.size <= MANIFEST_MAX_BYTES else Skip.TOO_BIG
