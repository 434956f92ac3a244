"""A database in memory, and its reduction to the packages of one lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec

from psram import versions
from psram.facts import LockedPackage
from psram.proofs import Advisory, AdvisoryDatabase

UNKNOWN_DAY: Final = date(1970, 1, 1)
"""The date of a database that could not be read."""

Entries = Callable[[], tuple[Advisory, ...]]


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A distribution's package of ``package`` in ``version`` holds the fixes of these advisories; ``by`` names it."""

    package: str
    version: str
    advisories: tuple[str, ...]
    by: str


class BadEntryError(ValueError):
    """An entry cannot be read; the text says which and why, in French."""


@dataclass(frozen=True, slots=True)
class Database:
    """All advisories by package. ``digest`` names the exact content, ``dated`` its last refresh, ``size`` counts them.

    With a ``problem`` it knows nothing.
    """

    source: str = ""
    digest: str = ""
    dated: date = UNKNOWN_DAY
    size: int = 0
    packages: Mapping[str, Entries] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    problem: str = ""

    def concerning(self, locked: Iterable[LockedPackage]) -> AdvisoryDatabase:
        """The evidence for a lock: advisories that affect one of its versions, or that cannot be told from it."""
        found: list[Advisory] = []
        problem = self.problem
        for name, version in sorted({(p.name, p.version) for p in locked if p.name in self.packages}):
            try:
                found += [self._corrected(a, version) for a in self.packages[name]() if _concerns(a, version)]
            except BadEntryError as error:
                problem = problem or str(error)
        return AdvisoryDatabase(
            digest=self.digest,
            dated=self.dated,
            entries=() if problem else tuple(sorted(found)),
            source=self.source,
            advisories=self.size,
            problem=problem,
        )

    def _corrected(self, advisory: Advisory, version: str) -> Advisory:
        for known in self.corrections:
            if (known.package, known.version) == (advisory.package, version) and advisory.id in known.advisories:
                return msgspec.structs.replace(advisory, corrected_in=version, corrected_by=known.by)
        return advisory


def _concerns(advisory: Advisory, version: str) -> bool:
    return any(versions.allows(constraint, version) is not False for constraint in advisory.affected)
