"""The story of a reading: list, look up what is known of each content, have the rest read, keep it, put it together.

This runs in the caller: it parses no content, only what its own processes and cache say of them, by type.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

import msgspec

from psram.collect import hidden, history
from psram.collect.assembly import assembled
from psram.collect.choosing import LOCK, MANIFEST, Choice, choose
from psram.collect.listing import Listing
from psram.collect.reading import Reading, State
from psram.facts import ComposerFacts, Facts, Skip, SyntaxFacts
from psram.roles import Role
from psram.vocabulary import Limits, Php
from psram.worker import extractor
from psram.worker.messages import Item, Setup, bits
from psram.worker.pool import MANY, Pool
from psram.worker.protocol import Progress
from psram.worker.recall import LINK, Gathered, Memory, Missing, Wanted
from psram.worker.store import FactCache

_TOLD_EVERY_S: Final = 0.1
_COMPOSER: Final = 1 << 14
_NO_ROLE: Final[frozenset[Role]] = frozenset()
_composers: Final = msgspec.msgpack.Decoder(ComposerFacts)


Composer = tuple[Item | None, Item | None]


class Reader:
    """Reads listings with one PHP (of that full version, ``None`` without it), one set of limits and one cache."""

    def __init__(
        self,
        *,
        php: Php | None,
        php_version: str | None,
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
        self._php_version = php_version
        self._php = php if php_version is not None else None
        self._facts_digest = bytes.fromhex(extractor.digest())[:12]
        syntax_digest = bytes.fromhex(extractor.php_digest(self._php_version))[:12] if self._php_version else b""
        self._memory = Memory(cache, facts_digest=self._facts_digest, syntax_digest=syntax_digest)

    def facts(self, listing: Listing) -> Facts:
        """The facts of a listing.

        Raises:
            CollectError: reading could not be brought to its end.
        """
        choice = choose(listing.files, self._limits)
        gathered = Gathered()
        todo = self._memory.recall(self._wanted(choice), gathered)
        composer = self._composer_items(choice, listing)
        if composer is not None and self._composer_known(composer, gathered):
            composer = None
        self._begun(listing, todo, composer)  # the processes read while git lists the history
        past = history.listed(listing, choice.wanted, self._limits, self._cache)
        if past is not None:
            roles = bits(history.ROLES)  # read for what they may leak, nothing else
            more = self._memory.recall([Wanted(blob, size, roles) for blob, size in past.sizes.items()], gathered)
            past, more = history.readable_now(past, more, self._limits)
            self._begun(listing, more, None)
            todo += more
        unseen = hidden.from_archives(listing, self._limits)
        if self._pool.begun:
            self._read(todo, composer, gathered)
        self._pool.stop()  # their memory is free before all facts are judged together
        self._memory.keep_runs(gathered)
        syntax = SyntaxFacts(self._php_version, dict(sorted(gathered.syntax.items()))) if self._php_version else None
        found = gathered.composer or ComposerFacts()
        before = None
        if past is not None:
            stopped = sum(gathered.known.unread.get(blob) is Skip.HOSTILE for blob in past.sizes)
            before = history.found(past, gathered.known.facts, stopped=stopped)
            for blob in past.sizes:
                gathered.known.facts.pop(blob, None)
        return assembled(listing, choice, gathered.known, composer=found, syntax=syntax, history=before, hidden=unseen)

    def _wanted(self, choice: Choice) -> list[Wanted]:
        """The contents of the commit that are read as anything, in order."""
        found = []
        for blob, size in choice.wanted.items():
            roles = choice.roles.get(blob, _NO_ROLE)
            number = bits(roles) | (LINK if blob in choice.links else 0)
            if number:
                found.append(Wanted(blob, size, number, self._php is not None and Role.PHP in roles))
        return found

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

    def _begun(self, listing: Listing, todo: list[Missing], composer: Composer | None) -> None:
        """Have these contents read."""
        if not todo and composer is None:
            return
        if not self._pool.begun:
            self._pool.begin(self._setup(listing, todo), processes=self._processes or (2 if len(todo) >= MANY else 1))
        self._pool.plan([(_item(each, listing), each.wanted.size) for each in todo], composer)

    def _setup(self, listing: Listing, todo: list[Missing]) -> Setup:
        limits = self._limits
        return Setup(
            str(listing.repository.absolute()),
            self._php if any(each.syntax for each in todo) else None,
            limits.max_blob_bytes,
            limits.memory_bytes,
            limits.cpu_s,
            limits.file_cpu_s,
            limits.timeout_s,
        )

    def _read(self, todo: list[Missing], composer: Composer | None, gathered: Gathered) -> None:
        by_blob = {each.wanted.blob: each.wanted for each in todo}
        step = _Steps(self._progress, len(todo))
        try:
            for done in self._pool.results(advanced=step.advanced):
                for found in done.found:
                    self._memory.taken(by_blob.pop(found.blob), found, gathered)
                if done.composer is not None and composer is not None:
                    gathered.composer = done.composer
                    gathered.fresh[self._composer_key(composer)] = msgspec.msgpack.encode(done.composer)
        finally:
            self._memory.keep(gathered)
        for blob in sorted(self._pool.hostile):
            _condemned(blob, by_blob.get(blob), composer, gathered)


def _item(missing: Missing, listing: Listing) -> Item:
    """What a process is asked of a content."""
    (blob, _size, roles, _syntax), facts, syntax = missing
    link = bool(roles & LINK)
    return Item(blob, roles & ~LINK, link=link, facts=facts, syntax=syntax, path=_path(listing, blob))


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


_HOSTILE: Final = "le contenu arrête l'analyse (trop de calcul ou de mémoire)"


def _condemned(blob: str, wanted: Wanted | None, composer: Composer | None, gathered: Gathered) -> None:
    if wanted is not None:
        gathered.known.note(blob, Reading(State.HOSTILE))
        gathered.syntax.pop(blob, None)
        gathered.readings.pop(blob, None)
    if composer is not None and gathered.composer is None and any(i is not None and i.blob == blob for i in composer):
        gathered.composer = ComposerFacts(manifest_present=True, manifest_problem=f"composer.json : {_HOSTILE}")
