"""The platform's database of security advisories: a path or an address, read again on a clock.

What cannot be read again does not erase what was: the last good one stays, with its date, and the rules say when it is
too old. What was never read is a database whose problem says why.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import requests
import structlog
import urllib3

from amcloud import metrics
from psram import advisories
from psram.advisories import Database

TIMEOUT_S: Final = 30.0
MOST_BYTES: Final = 64 * 1024 * 1024
AGAIN_S: Final = 60.0
"""Seconds until the next try after one that failed, if that is sooner than the usual look."""

log = structlog.get_logger(__name__)


class AdvisoryMirror:
    """The database as it was last read; ``source`` is a folder, a file or a URL."""

    def __init__(self, source: str, *, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._every_s = every_s
        self._clock = clock
        self._known: Database | None = None
        self._due = clock()
        self._lock = threading.Lock()

    def current(self) -> Database | None:
        """The database, read again when it is time; ``None`` when the platform has none."""
        if not self._source:
            return None
        # one reads, the others go on with what is known; only the first time all of them wait
        if self._lock.acquire(blocking=self._known is None):
            try:
                if self._known is None or self._clock() >= self._due:
                    self._refresh()
            finally:
                self._lock.release()
        return self._known

    def _refresh(self) -> None:
        found = self._read()
        self._due = self._clock() + (min(self._every_s, AGAIN_S) if found.problem else self._every_s)
        if found.problem:
            log.warning("advisories_unreadable", source=self._source, error=found.problem)
        elif self._known is None or found.digest != self._known.digest:
            log.info("advisories", source=self._source, digest=found.digest, dated=str(found.dated), size=found.size)
        if not found.problem or self._known is None or self._known.problem:
            self._known = found
        if self._known.dated is not None:
            midnight = datetime.combine(self._known.dated, datetime.min.time(), UTC)
            metrics.ADVISORIES_DATED.set(midnight.timestamp())

    def _read(self) -> Database:
        if not self._source.startswith(("https://", "http://")):
            return advisories.read(Path(self._source))
        try:
            content = _downloaded(self._source)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            why = f"son adresse ne répond pas comme elle devrait ({type(error).__name__})"
            return Database(self._source, problem=f"la base d'avis de sécurité est inutilisable : {why}")
        return advisories.parse(content, source=self._source)


def _downloaded(url: str) -> bytes:
    """The content at an address, nothing beyond the bound.

    Raises:
        ValueError: it is too big.
    """
    with requests.Session() as session:
        session.trust_env = False
        with session.get(url, timeout=TIMEOUT_S, stream=True) as answer:
            answer.raise_for_status()
            content: bytes = answer.raw.read(MOST_BYTES + 1, decode_content=True)
    if len(content) > MOST_BYTES:
        raise ValueError(url)
    return content
