"""How the reading of one content ended, and where it goes among what is known. Loads no parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from psram.facts import BlobFacts, Skip


class State(StrEnum):
    """How reading one content ended."""

    READ = "read"
    BINARY = "binary"
    MISSING = "missing"
    HOSTILE = "hostile"


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """What one content gave: no ``facts`` when there is nothing to say; ``target`` when it is also a link's."""

    state: State
    facts: BlobFacts | None = None
    target: str = ""


@dataclass(slots=True)
class Known:
    """What is known of contents, by blob id: facts where there are some, and what went otherwise than well."""

    facts: dict[str, BlobFacts] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    unread: dict[str, Skip] = field(default_factory=dict)

    def note(self, blob: str, reading: Reading) -> None:
        """Add what one content gave."""
        if reading.facts is not None:
            self.facts[blob] = reading.facts
        if reading.target:
            self.targets[blob] = reading.target
        if reading.state in _SKIPS:
            self.unread[blob] = _SKIPS[reading.state]


_SKIPS: Final = {State.BINARY: Skip.BINARY, State.MISSING: Skip.UNREADABLE, State.HOSTILE: Skip.HOSTILE}
