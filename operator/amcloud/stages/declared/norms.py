"""The versions of the norms that the platform offers, and which of them is in force for an application."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from amcloud.stages.declared.app import StageName


@dataclass(frozen=True, slots=True)
class NormPack:
    """A version of the norms as the platform offers it. ``enforced`` names the stages where its rules refuse."""

    version: str
    digest: str
    effective_at: datetime
    enforced: frozenset[StageName]


def norm_pack(offered: tuple[NormPack, ...], asked: str | None, *, now: datetime) -> NormPack | None:
    """The pack in force: the newest effective one, or a newer one that the application asks for; ``None`` if none is.

    An application may only ask for a newer pack than the platform's, never for an older one; asking for an older or an
    unknown one changes nothing.
    """
    effective = [pack for pack in offered if pack.effective_at <= now]
    if not effective:
        return None
    current = max(effective, key=_age)
    newer = [pack for pack in offered if pack.version == asked and _age(pack) > _age(current)]
    return max(newer, key=_age, default=current)


def _age(pack: NormPack) -> tuple[datetime, str]:
    return pack.effective_at, pack.version
