"""The story of a reading: list, look up what is known of each content, have the rest read, keep it, put it together.

This runs in the caller: it parses no content, only what its own processes and cache say of them, by type.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from psram.collect import hidden, history
from psram.collect.assembly import assembled
from psram.collect.choosing import LOCK, MANIFEST, Choice, choose
from psram.collect.listing import Listing
from psram.collect.reading import Known, Reading, State
from psram.facts import ComposerFacts, Facts, Skip, Syntax, SyntaxFacts
from psram.roles import Role
from psram.vocabulary import Limits, Php
from psram.worker import extractor
from psram.worker.messages import Found, Item, Setup, bits
from psram.worker.php import OK
from psram.worker.pool import MANY, Pool
from psram.worker.protocol import Progress
from psram.worker.store import FactCache

_KEPT_AT_ONCE: Final = 500
_TOLD_EVERY_S: Final = 0.1
_SYNTAX: Final = 1 << 15
_COMPOSER: Final = 1 << 14
_LINK: Final = 1 << 13
_NO_ROLE: Final[frozenset[Role]] = frozenset()
_readings: Final = msgspec.msgpack.Decoder(Reading)
_syntaxes: Final = msgspec.msgpack.Decoder(Syntax)
_composers: Final = msgspec.msgpack.Decoder(ComposerFacts)


Composer = tuple[Item | None, Item | None]


class Wanted(NamedTuple):
    """A content to be known, and the keys under which the cache may know it."""

    item: Item
    size: int
    facts_key: bytes
    syntax_key: bytes


@dataclass(slots=True)
class Gathered:
    """What is known so far, and what the cache must learn."""

    known: Known = field(default_factory=Known)
    syntax: dict[str, Syntax] = field(default_factory=dict)
    composer: ComposerFacts | None = None
    fresh: dict[bytes, bytes] = field(default_factory=dict)


class Reader:
    """Reads listings with one PHP, one set of limits and one cache."""

    def __init__(
        self,
        *,
        php: Php | None,
        limits: Limits,
        pool: Pool,
        cache: FactCache | None = None,
        processes: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._limits = limits
        self._pool = pool
        self._cache = cache
        self._processes = processes
        self._progress = progress
        self._php_version = extractor.php_version(php, cache) if php is not None else None
        self._php = php if self._php_version is not None else None
        self._facts_digest = bytes.fromhex(extractor.digest())[:12]
        self._syntax_digest = bytes.fromhex(extractor.php_digest(self._php_version))[:12] if self._php_version else b""

    def facts(self, listing: Listing) -> Facts:
        """The facts of a listing.

        Raises:
            CollectError: reading could not be brought to its end.
        """
        choice = choose(listing.files, self._limits)
        gathered = Gathered()
        wanted = (self._wanted(blob, size, choice, listing) for blob, size in choice.wanted.items())
        todo = self._looked_up([w for w in wanted if w.item.facts or w.item.syntax], gathered)
        composer = self._composer_items(choice, listing)
        if composer is not None and self._composer_known(composer, gathered):
            composer = None
        self._begun(listing, todo, composer)  # the processes read while git lists the history
        past = history.listed(listing.repository, listing.commit, choice.wanted, self._limits, self._cache)
        if past is not None:
            more = self._looked_up([self._past(blob, size) for blob, size in past.sizes.items()], gathered)
            self._begun(listing, more, None)
            todo += more
        unseen = hidden.from_archives(listing, self._limits)
        if self._pool.begun:
            self._read(todo, composer, gathered)
        self._pool.end()  # their memory is free before all facts are judged together
        syntax = SyntaxFacts(self._php_version, dict(sorted(gathered.syntax.items()))) if self._php_version else None
        found = gathered.composer or ComposerFacts()
        before = None
        if past is not None:
            stopped = sum(gathered.known.unread.get(blob) is Skip.HOSTILE for blob in past.sizes)
            before = history.found(past, gathered.known.facts, stopped=stopped)
            for blob in past.sizes:
                gathered.known.facts.pop(blob, None)
        return assembled(listing, choice, gathered.known, composer=found, syntax=syntax, history=before, hidden=unseen)

    def _past(self, blob: str, size: int) -> Wanted:
        """A content of an earlier commit: read for what it may leak, nothing else."""
        number = bits(history.ROLES)
        key = bytes.fromhex(blob) + number.to_bytes(2, "big") + self._facts_digest
        return Wanted(Item(blob, number), size, key, b"")

    def _wanted(self, blob: str, size: int, choice: Choice, listing: Listing) -> Wanted:
        roles = choice.roles.get(blob, _NO_ROLE)
        link = blob in choice.links
        number = bits(roles) | (_LINK if link else 0)
        syntax = self._php is not None and Role.PHP in roles
        item = Item(blob, bits(roles), link=link, facts=number != 0, syntax=syntax, path=_path(listing, blob))
        named = bytes.fromhex(blob)
        facts_key = named + number.to_bytes(2, "big") + self._facts_digest
        return Wanted(item, size, facts_key, named + _SYNTAX.to_bytes(2, "big") + self._syntax_digest)

    def _looked_up(self, wanted: list[Wanted], gathered: Gathered) -> list[Wanted]:
        """What is still to be read, after what the cache knows was noted."""
        if self._cache is None:
            return wanted
        keys = [w.facts_key for w in wanted] + [w.syntax_key for w in wanted if w.item.syntax]
        kept = self._cache.get(keys)
        left = []
        for each in wanted:
            blob = each.item.blob
            facts = each.item.facts and not _facts_noted(blob, kept.pop(each.facts_key, b""), gathered)
            asked = each.item.syntax and blob not in gathered.known.unread  # nobody compiles a binary content
            syntax = asked and not _syntax_noted(blob, kept.pop(each.syntax_key, b""), gathered)
            if facts or syntax:
                item = each.item
                if facts != item.facts or syntax != item.syntax:
                    item = msgspec.structs.replace(item, facts=facts, syntax=syntax)
                left.append(each._replace(item=item))
        return left

    def _composer_items(self, choice: Choice, listing: Listing) -> Composer | None:
        if not choice.manifests:
            return None
        blobs = [choice.manifests.get(name, "") for name in (MANIFEST, LOCK)]
        first, second = (
            Item(b, path=str(listing.disk[b].absolute()) if b in listing.disk else "") if b else None for b in blobs
        )
        return first, second

    def _composer_key(self, items: Composer) -> bytes:
        named = b"".join(b"\0" if item is None else bytes.fromhex(item.blob) for item in items)
        return named + _COMPOSER.to_bytes(2, "big") + self._facts_digest

    def _composer_known(self, items: Composer, gathered: Gathered) -> bool:
        key = self._composer_key(items)
        kept = self._cache.get([key]).get(key) if self._cache is not None else None
        if kept is not None:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                gathered.composer = _composers.decode(kept)
        return gathered.composer is not None

    def _begun(self, listing: Listing, todo: list[Wanted], composer: Composer | None) -> None:
        """Have these contents read."""
        if not todo and composer is None:
            return
        if not self._pool.begun:
            self._pool.begin(self._setup(listing, todo), processes=self._processes or (2 if len(todo) >= MANY else 1))
        self._pool.plan([(each.item, each.size) for each in todo], composer)

    def _setup(self, listing: Listing, todo: list[Wanted]) -> Setup:
        limits = self._limits
        return Setup(
            str(listing.repository.absolute()),
            self._php if any(each.item.syntax for each in todo) else None,
            limits.max_blob_bytes,
            limits.memory_bytes,
            limits.cpu_s,
            limits.file_cpu_s,
            limits.timeout_s,
        )

    def _read(self, todo: list[Wanted], composer: Composer | None, gathered: Gathered) -> None:
        by_blob = {each.item.blob: each for each in todo}
        step = _Steps(self._progress, len(todo))
        try:
            for done in self._pool.results(advanced=step.advanced):
                for found in done.found:
                    _taken(found, by_blob.pop(found.blob), gathered)
                if done.composer is not None and composer is not None:
                    gathered.composer = done.composer
                    gathered.fresh[self._composer_key(composer)] = msgspec.msgpack.encode(done.composer)
                if len(gathered.fresh) > _KEPT_AT_ONCE:
                    self._keep(gathered)
        finally:
            self._keep(gathered)
        for blob in sorted(self._pool.hostile):
            _condemned(blob, by_blob.get(blob), composer, gathered)

    def _keep(self, gathered: Gathered) -> None:
        if self._cache is not None:
            self._cache.put(gathered.fresh)
        gathered.fresh.clear()


def _path(listing: Listing, blob: str) -> str:
    """Where a content lies when it is not committed, else nothing."""
    return str(listing.disk[blob].absolute()) if blob in listing.disk else ""


class _Steps:
    """Tells how far the reading is, at most ten times a second, and at its end."""

    def __init__(self, progress: Callable[[Progress], None] | None, total: int) -> None:
        self._progress, self._total, self._done, self._last = progress, total, 0, 0.0

    def advanced(self, count: int) -> None:
        self._done += count
        if self._progress is None:
            return
        now = time.monotonic()
        if now - self._last >= _TOLD_EVERY_S or self._done == self._total:
            self._last = now
            self._progress(Progress("reading", self._done, self._total))


def _taken(found: Found, wanted: Wanted, gathered: Gathered) -> None:
    """Note what a process found in a content, once its shape is checked; keep it for later unless it was absent."""
    blob = wanted.item.blob  # one string for all that is known of a content
    noted = bool(found.reading) and _facts_noted(blob, found.reading, gathered)
    if noted and gathered.known.unread.get(blob) is not Skip.UNREADABLE:
        gathered.fresh[wanted.facts_key] = found.reading
    if found.syntax is not None and wanted.item.syntax:
        gathered.syntax[blob] = OK if found.syntax.ok else found.syntax
        gathered.fresh[wanted.syntax_key] = msgspec.msgpack.encode(found.syntax)


def _facts_noted(blob: str, encoded: bytes, gathered: Gathered) -> bool:
    try:
        gathered.known.note(blob, _readings.decode(encoded))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _syntax_noted(blob: str, kept: bytes, gathered: Gathered) -> bool:
    try:
        said = _syntaxes.decode(kept)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    gathered.syntax[blob] = OK if said.ok else said
    return True


_HOSTILE: Final = "le contenu arrête l'analyse (trop de calcul ou de mémoire)"


def _condemned(blob: str, wanted: Wanted | None, composer: Composer | None, gathered: Gathered) -> None:
    if wanted is not None:
        gathered.known.note(blob, Reading(State.HOSTILE))
        gathered.syntax.pop(blob, None)
    if composer is not None and gathered.composer is None and any(i is not None and i.blob == blob for i in composer):
        gathered.composer = ComposerFacts(manifest_present=True, manifest_problem=f"composer.json : {_HOSTILE}")
