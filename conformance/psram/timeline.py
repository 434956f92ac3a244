"""Which packs apply on a day: draft, then published, effective, announced to end, ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from psram.rules import Pack


class Phase(StrEnum):
    """Where a pack is in its life on a day."""

    DRAFT = "brouillon"
    STABLE = "publié"
    EFFECTIVE = "en vigueur"
    DEPRECATED = "en fin de vie"
    ENDED = "retiré"


def phase(pack: Pack, day: date) -> Phase:
    """The pack's phase on ``day``; each date is the first day of what it announces.

    Without its digest published a pack is a draft whatever its dates: it may still change.
    """
    if not pack.sealed:
        return Phase.DRAFT
    if pack.ends_on is not None and day >= pack.ends_on:
        return Phase.ENDED
    if pack.effective_on is None or day < pack.effective_on:
        return Phase.STABLE
    if pack.deprecated_on is not None and day >= pack.deprecated_on:
        return Phase.DEPRECATED
    return Phase.EFFECTIVE


def applying(packs: Iterable[Pack], day: date) -> tuple[Pack, ...]:
    """The packs that may judge on ``day``, the newest first; two while one replaces the other."""
    found = [p for p in packs if phase(p, day) in (Phase.EFFECTIVE, Phase.DEPRECATED)]
    return tuple(sorted(found, key=lambda p: (p.effective_on or date.min, p.version), reverse=True))


def required(packs: Iterable[Pack], day: date) -> Pack | None:
    """The pack that judges a new revision on ``day``: the newest one in force; ``None`` when there is none.

    During an overlap an older pack that is not yet ended still serves what was judged by it.
    """
    return next(iter(applying(packs, day)), None)
