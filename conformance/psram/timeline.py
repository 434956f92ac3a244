"""Which packs apply on a day: draft, then published, effective, announced to end, ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import assert_never

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


def notice(pack: Pack, day: date) -> str:
    """What a verdict's reader must know of its pack that day, in French; empty while it is simply in force."""
    after = f", remplacé par {pack.replaced_by}" if pack.replaced_by else ""
    match phase(pack, day):
        case Phase.DRAFT:
            return f"Le pack {pack.name} est un brouillon : ses règles peuvent encore changer."
        case Phase.STABLE:
            when = f"prend effet le {pack.effective_on}" if pack.effective_on else "n'a pas de date d'effet"
            return f"Le pack {pack.name} {when} : ce verdict ne compte pas encore."
        case Phase.EFFECTIVE:
            return ""
        case Phase.DEPRECATED:
            end = f"prend fin le {pack.ends_on}" if pack.ends_on else "est en fin de vie"
            return f"Le pack {pack.name} {end}{after}."
        case Phase.ENDED:
            return f"Le pack {pack.name} n'a plus cours depuis le {pack.ends_on}{after} : ce verdict ne compte plus."
        case _ as never:
            assert_never(never)


def applying(packs: Iterable[Pack], day: date) -> tuple[Pack, ...]:
    """The packs that may judge on ``day``, the newest first; two while one replaces the other."""
    found = [p for p in packs if phase(p, day) in (Phase.EFFECTIVE, Phase.DEPRECATED)]
    return tuple(sorted(found, key=lambda p: (p.effective_on or date.min, p.version), reverse=True))


def required(packs: Iterable[Pack], day: date) -> Pack | None:
    """The pack that judges a new revision on ``day``: the newest one in force; ``None`` when there is none.

    During an overlap an older pack that is not yet ended still serves what was judged by it.
    """
    return next(iter(applying(packs, day)), None)
