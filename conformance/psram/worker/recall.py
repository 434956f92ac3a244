"""What the cache knows of contents: an entry for each, and one for each run of neighbours that are all known.

An unchanged tree is told by its runs, of some thirty contents each: one look-up in place of sixty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from psram.collect.reading import Known, Reading, State
from psram.facts import ComposerFacts, Skip, Syntax
from psram.worker.messages import Found
from psram.worker.php import OK
from psram.worker.runs import cut
from psram.worker.store import FactCache

LINK: Final = 1 << 13
_SYNTAX: Final = 1 << 15
_KEPT_AT_ONCE: Final = 500
_RUNS_AT_ONCE: Final = 50
_TOLD: Final = frozenset({State.READ, State.BINARY})
_DAMAGED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Kept = tuple[Reading, Syntax | None]
_readings: Final = msgspec.msgpack.Decoder(Reading)
_syntaxes: Final = msgspec.msgpack.Decoder(Syntax)
_runs: Final = msgspec.msgpack.Decoder(list[Kept])


class Wanted(NamedTuple):
    """A content to be known: as what (``roles``, a bit each, and :data:`LINK`), and whether PHP is to compile it."""

    blob: str
    size: int
    roles: int
    syntax: bool = False


class Missing(NamedTuple):
    """What the cache does not know of a content."""

    wanted: Wanted
    facts: bool
    syntax: bool


@dataclass(slots=True)
class Gathered:
    """What is known so far, and what the cache must learn."""

    known: Known = field(default_factory=Known)
    syntax: dict[str, Syntax] = field(default_factory=dict)
    composer: ComposerFacts | None = None
    fresh: dict[bytes, bytes] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    """Of the contents that no run told."""


class Memory:
    """The cache's entries for contents, under the digests of what their facts depend on besides them."""

    def __init__(self, cache: FactCache | None, *, facts_digest: bytes, syntax_digest: bytes) -> None:
        self._cache = cache
        self._facts_digest = facts_digest
        self._syntax_digest = syntax_digest
        self._untold: dict[bytes, Sequence[Wanted]] = {}

    def recall(self, wanted: Sequence[Wanted], gathered: Gathered) -> list[Missing]:
        """What is still to be read, after what the cache knows was noted."""
        if self._cache is None:
            return [Missing(each, facts=True, syntax=each.syntax) for each in wanted]
        places = cut([each.blob for each in wanted])
        runs = {self._run_key(run): run for run in (wanted[place] for place in places)}
        kept = self._cache.get(list(runs))
        left = {key: run for key, run in runs.items() if not _run_noted(run, kept.pop(key, b""), gathered)}
        self._untold |= left
        return self._one_by_one([each for run in left.values() for each in run], gathered)

    def taken(self, wanted: Wanted, found: Found, gathered: Gathered) -> None:
        """Note what a process found in a content, once its shape is checked; keep it for later unless it was absent."""
        blob = wanted.blob  # one string for all that is known of a content
        noted = bool(found.reading) and _facts_noted(blob, found.reading, gathered)
        if noted and gathered.known.unread.get(blob) is not Skip.UNREADABLE:
            gathered.fresh[self._facts_key(wanted)] = found.reading
        if found.syntax is not None and wanted.syntax:
            gathered.syntax[blob] = OK if found.syntax.ok else found.syntax
            gathered.fresh[self._syntax_key(wanted)] = msgspec.msgpack.encode(found.syntax)
        if len(gathered.fresh) > _KEPT_AT_ONCE:
            self.keep(gathered)

    def keep(self, gathered: Gathered) -> None:
        """Have the cache learn what was found of single contents."""
        if self._cache is not None:
            self._cache.put(gathered.fresh)
        gathered.fresh.clear()

    def keep_runs(self, gathered: Gathered) -> None:
        """Have the cache learn the runs that are all known by now."""
        for key, run in self._untold.items():
            kept = list(_known(run, gathered))
            if len(kept) == len(run):
                gathered.fresh[key] = msgspec.msgpack.encode(kept)
            if len(gathered.fresh) > _RUNS_AT_ONCE:
                self.keep(gathered)
        self.keep(gathered)
        self._untold.clear()
        gathered.readings.clear()

    def _one_by_one(self, wanted: list[Wanted], gathered: Gathered) -> list[Missing]:
        assert self._cache is not None
        keys = [self._facts_key(each) for each in wanted] + [self._syntax_key(each) for each in wanted if each.syntax]
        kept = self._cache.get(keys)
        left = []
        for each in wanted:
            blob = each.blob
            facts = not _facts_noted(blob, kept.pop(self._facts_key(each), b""), gathered)
            asked = each.syntax and blob not in gathered.known.unread  # nobody compiles a binary content
            syntax = asked and not _syntax_noted(blob, kept.pop(self._syntax_key(each), b""), gathered)
            if facts or syntax:
                left.append(Missing(each, facts, syntax))
        return left

    def _facts_key(self, wanted: Wanted) -> bytes:
        return bytes.fromhex(wanted.blob) + wanted.roles.to_bytes(2, "big") + self._facts_digest

    def _syntax_key(self, wanted: Wanted) -> bytes:
        return bytes.fromhex(wanted.blob) + _SYNTAX.to_bytes(2, "big") + self._syntax_digest

    def _run_key(self, run: Sequence[Wanted]) -> bytes:
        told = "".join(f"{blob}{roles:x}{'+' if syntax else '-'}" for blob, _size, roles, syntax in run)
        return b"run\0" + sha256(b"\0".join((told.encode(), self._facts_digest, self._syntax_digest))).digest()


def _run_noted(run: Sequence[Wanted], body: bytes, gathered: Gathered) -> bool:
    """Whether the entry told all of the run, which is then noted."""
    try:
        kept = _runs.decode(body)
    except _DAMAGED:
        return False
    if len(kept) != len(run) or not all(map(_tells, run, kept)):
        return False
    for wanted, (reading, syntax) in zip(run, kept, strict=True):
        gathered.known.note(wanted.blob, reading)
        if syntax is not None:
            gathered.syntax[wanted.blob] = OK if syntax.ok else syntax
    return True


def _tells(wanted: Wanted, kept: Kept) -> bool:
    """Whether all that is wanted of the content is there, and no more."""
    reading, syntax = kept
    if syntax is not None and not wanted.syntax:
        return False
    return reading.state in _TOLD and (syntax is not None or not wanted.syntax or reading.state is State.BINARY)


def _known(run: Sequence[Wanted], gathered: Gathered) -> Iterator[Kept]:
    """What is known of each content of a run, those left out of which something is not."""
    for wanted in run:
        reading = gathered.readings.get(wanted.blob)
        syntax = gathered.syntax.get(wanted.blob) if wanted.syntax else None
        if reading is not None and _tells(wanted, (reading, syntax)):
            yield reading, syntax


def _facts_noted(blob: str, encoded: bytes, gathered: Gathered) -> bool:
    try:
        reading = _readings.decode(encoded)
    except _DAMAGED:
        return False
    gathered.known.note(blob, reading)
    gathered.readings[blob] = reading
    return True


def _syntax_noted(blob: str, kept: bytes, gathered: Gathered) -> bool:
    try:
        said = _syntaxes.decode(kept)
    except _DAMAGED:
        return False
    gathered.syntax[blob] = OK if said.ok else said
    return True
