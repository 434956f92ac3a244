"""Stored reports and badges, as the web server and the commands on a fleet read them; `ports` has what stores them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from amcloud.stages.to_forge.badge import Badge


@dataclass(frozen=True, slots=True)
class ShownBadge:
    """A badge as it is stored, with the day since when its state holds."""

    badge: Badge
    since: date


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A stored report as a list shows it. ``digest`` is the hexadecimal SHA-256 of its canonical JSON."""

    digest: str
    namespace: str
    app: str
    stage: str
    commit: str
    pack: str
    verdict: str
    recorded_at: datetime
    correlation: str
    """Name of what brought the commit, ``""`` when it was not known."""


@dataclass(frozen=True, slots=True)
class StoredReport(StoredLine):
    """A stored report, whole."""

    report: bytes
    """Canonical JSON."""
    evidence: bytes


class ReportStore(Protocol):
    """Stored reports, for reading alone."""

    async def by_commit(self, namespace: str, app: str, stage: str, commit: str) -> StoredReport | None:
        """The newest report of a commit at a stage, or ``None``."""

    async def by_digest(self, digest: str) -> StoredReport | None:
        """The report of that content, or ``None``."""

    async def newest(self, namespace: str | None, app: str | None, *, most: int) -> list[StoredLine]:
        """The newest reports, of everything, of a namespace or of one application."""

    async def badges(self, namespace: str, app: str) -> list[ShownBadge]:
        """What the badge of each stage of an application says; empty for one that is not known."""

    async def alive(self) -> bool:
        """Whether the store answers."""
