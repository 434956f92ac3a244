"""Which contents are read, as what, and what is drawn from each. Pure: bytes in, facts out."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from psram.collect import flat_data, php, sensitive, sql_data, yaml_data
from psram.facts import BlobFacts, DataFacts, FileFact, Kind, Skip
from psram.model import Limits
from psram.roles import Role, roles

Reader = Callable[[list[str]], Iterable[tuple[str, bytes | None]]]

MANIFEST_MAX_BYTES: Final = 8 * 1024 * 1024
EXCLUDED: Final = ("vendor/", "node_modules/", "var/")
"""Derived content: not analysed, and therefore refused by GOV-007."""
_BINARY_NAMES: Final = (
    *("*.png", "*.jpg", "*.jpeg", "*.gif", "*.ico", "*.webp", "*.woff", "*.woff2", "*.ttf", "*.eot", "*.otf"),
    *("*.pdf", "*.zip", "*.phar", "*.jar", "*.gz", "*.tgz", "*.xz", "*.bz2", "*.7z", "*.exe", "*.so", "*.dll"),
    *("*.mp4", "*.mp3", "*.odt", "*.ods", "*.docx", "*.xlsx", "*.sqlite", "*.db", "*.bin"),
)


@dataclass(slots=True)
class Choice:
    """What to read. ``wanted`` is in order; ``roles`` by blob; ``skipped`` by path."""

    wanted: dict[str, None] = field(default_factory=dict)
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    skipped: dict[str, Skip] = field(default_factory=dict)
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
                choice.wanted[file.blob] = None
            continue
        reason = _reason_to_skip(file, limits)
        if reason is None and file.blob not in choice.wanted:
            total += file.size
            if total > limits.max_total_bytes:
                reason, choice.problem = Skip.BUDGET, "le dépôt est trop volumineux pour être lu en entier"
        if reason is not None:
            choice.skipped[file.path] = reason
            continue
        choice.wanted[file.blob] = None
        if file.path not in ("composer.lock",):
            choice.roles[file.blob] = choice.roles.get(file.blob, frozenset()) | roles(file.path)
    return choice


def _reason_to_skip(file: FileFact, limits: Limits) -> Skip | None:
    name = file.path.rpartition("/")[2].lower()
    if file.path.startswith(EXCLUDED):
        return Skip.EXCLUDED
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _BINARY_NAMES):
        return Skip.BINARY
    allowed = MANIFEST_MAX_BYTES if file.path in ("composer.json", "composer.lock") else limits.max_blob_bytes
    return Skip.TOO_BIG if file.size > allowed else None


def is_binary(content: bytes) -> bool:
    """Whether git would call this content binary: a NUL in its first 8,000 bytes."""
    return b"\0" in content[:8000]


def extract(content: bytes, asked: frozenset[Role]) -> BlobFacts:
    """The facts of one content under all of its roles."""
    return BlobFacts(
        php=php.facts(content) if Role.PHP in asked else None,
        data=_data(content, asked),
        sql=sql_data.facts(content) if Role.SQL in asked else (),
        secrets=sensitive.secrets(content) if Role.TEXT in asked else (),
        personal=sensitive.personal(content) if Role.TEXT in asked else (),
        literals=flat_data.twig(content) if Role.TWIG in asked else (),
    )


_READERS: Final = (
    (Role.YAML, yaml_data.facts),
    (Role.DOTENV, flat_data.dotenv),
    (Role.DOCKERFILE, flat_data.dockerfile),
)


def _data(content: bytes, asked: frozenset[Role]) -> DataFacts | None:
    return next((read(content) for role, read in _READERS if role in asked), None)
