"""Verdicts already given to the same question: a resync of an unchanged fleet judges nothing again. Bounded, in memory.

A verdict is a pure function of facts, norms and context, the day included: what is remembered is what would be found.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from amcloud.ports import Judged
from psram.facts import Facts
from psram.model import Context
from psram.rules import Pack

MOST: Final = 2000
MOST_EVIDENCE_BYTES: Final = 32 * 1024 * 1024
"""Of the evidence that is remembered with them, their largest part."""


class Verdicts:
    """The verdicts that were asked for last. Threads may share it."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Judged] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, facts: Facts, engine: str, pack: Pack, context: Context, judge: Callable[[], Judged]) -> Judged:
        """The verdict, from memory or from ``judge``. What could not be read is judged each time."""
        if not facts.tree or facts.uncommitted:
            return judge()
        key = _key(facts, engine, pack, context)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        made = judge()
        with self._lock:
            if key not in self._known:
                self._known[key] = made
                self._bytes += len(made.evidence)
            while self._known and (len(self._known) > MOST or self._bytes > MOST_EVIDENCE_BYTES):
                _, old = self._known.popitem(last=False)
                self._bytes -= len(old.evidence)
        return made


def _key(facts: Facts, engine: str, pack: Pack, context: Context) -> bytes:
    """Facts follow from the commit, the engine that read it and how much of its past was here."""
    told = msgspec.json.encode(context, order="deterministic")
    past = msgspec.json.encode(facts.history, order="deterministic")
    named = "\0".join((facts.commit, facts.tree, engine, pack.digest)).encode()
    return hashlib.sha256(b"\0".join((named, past, told))).digest()
