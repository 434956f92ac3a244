"""Which images may leave the registry: those that nothing in the cluster names and that are old enough. Pure.

Doubt keeps. What names an image: any text of a LocalApp (status, history, what people asked), of an inventory, of a
workload or a pod. An attestation stays and goes with its image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_ATTESTATION: Final = re.compile(r"(sha256)-([0-9a-f]{64})\.att")


class Why(StrEnum):
    """Why an image stays, or goes."""

    NAMED = "nommée dans le cluster"
    COMMIT = "commit suivi par une application"
    RECENT = "récente"
    UNKNOWN = "d'un âge ou d'un genre inconnu"
    WITH_IMAGE = "attestation d'une image gardée"
    UNUSED = "plus utilisée"
    ORPHAN = "attestation d'une image qui n'est plus là"


GOING: Final = frozenset({Why.UNUSED, Why.ORPHAN})


@dataclass(frozen=True, slots=True)
class Stored:
    """One tag of a repository. ``created_at`` is what the image says of itself; ``None`` when it does not say."""

    repository: str
    tag: str
    digest: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one digest of a repository, with all its tags."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    why: Why

    @property
    def goes(self) -> bool:
        """Whether it leaves the registry."""
        return self.why in GOING


@dataclass(frozen=True, slots=True)
class Needed:
    """Digests and commits that something in the cluster names."""

    digests: frozenset[str]
    commits: frozenset[str]


def needed(texts: Iterable[str]) -> Needed:
    """Every digest and commit in ``texts``, whatever they stand for there."""
    digests: set[str] = set()
    commits: set[str] = set()
    for text in texts:
        digests.update(_DIGEST.findall(text))
        commits.update(_COMMIT.findall(text))
    return Needed(frozenset(digests), frozenset(commits))


def fates(stored: Sequence[Stored], wanted: Needed, *, now: datetime, keep: timedelta) -> tuple[Fate, ...]:
    """What becomes of everything stored; a digest stays when any of its tags gives a reason."""
    groups: dict[tuple[str, str], list[Stored]] = {}
    for one in stored:
        groups.setdefault((one.repository, one.digest), []).append(one)
    images = {key: found for key, found in groups.items() if not all(map(_subject, found))}
    decided = {key: _of_image(found, wanted, now=now, keep=keep) for key, found in images.items()}
    kept = {key for key, why in decided.items() if why not in GOING}
    for key, found in groups.items():
        if key not in decided:
            of = {(one.repository, _subject(one)) for one in found}
            decided[key] = _of_attestation(key[1], wanted, of, kept=kept, present=not of.isdisjoint(images))
    return tuple(
        Fate(repository, digest, tuple(sorted(one.tag for one in groups[repository, digest])), why)
        for (repository, digest), why in sorted(decided.items())
    )


def _of_image(found: Sequence[Stored], wanted: Needed, *, now: datetime, keep: timedelta) -> Why:
    if any(one.digest in wanted.digests for one in found):
        return Why.NAMED
    if any(one.tag in wanted.commits for one in found):
        return Why.COMMIT
    if any(one.created_at is None or not _COMMIT.fullmatch(one.tag) for one in found):
        return Why.UNKNOWN
    young = any(one.created_at is not None and now - one.created_at < keep for one in found)
    return Why.RECENT if young else Why.UNUSED


def _of_attestation(
    digest: str, wanted: Needed, of: set[tuple[str, str]], *, kept: set[tuple[str, str]], present: bool
) -> Why:
    if digest in wanted.digests or any(subject in wanted.digests for _, subject in of):
        return Why.NAMED
    if of & kept:
        return Why.WITH_IMAGE
    return Why.UNUSED if present else Why.ORPHAN


def _subject(one: Stored) -> str:
    """Digest of the image that a tag attests; empty for an image."""
    match = _ATTESTATION.fullmatch(one.tag)
    return f"{match[1]}:{match[2]}" if match else ""
