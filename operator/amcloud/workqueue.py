"""Which application gets a pass, and when: one at a time per application, never forgotten, later and later on trouble.

Level-triggered: asking ten times during a pass means one more pass. Knows nothing of what a pass does.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 300.0
URGENT_S = 3600.0
"""How much longer than the others urgent keys count as due."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A LocalApp."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class WorkQueue:
    """Keys with the time at which they are due. Safe to use from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, chance: random.Random | None = None) -> None:
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, protects nothing
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = itertools.count()
        self._active: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._closed = False

    def add(self, key: Key, *, after_s: float = 0.0, urgent: bool = False) -> None:
        """A pass over ``key`` is due in ``after_s`` seconds at the latest; an ``urgent`` one before all others."""
        with self._changed:
            early_s = URGENT_S if urgent and after_s <= 0 else 0.0
            self._plan(key, self._clock() + after_s - early_s)

    def take(self) -> Key | None:
        """The key that is due longest; waits for one. ``None`` once closed. Call :meth:`done` afterwards."""
        with self._changed:
            while not self._closed:
                wait_s = self._until_next()
                if wait_s is not None and wait_s <= 0:
                    return self._begin()
                self._changed.wait(wait_s)
            return None

    def done(self, key: Key, *, after_s: float | None, troubled: bool = False, jitter: float = 0.1) -> None:
        """The pass over ``key`` has ended; another is due in ``after_s`` seconds, ever later while ``troubled``."""
        with self._changed:
            self._active.pop(key, None)
            if troubled:
                self._failures[key] = self._failures.get(key, 0) + 1
                after_s = max(after_s or 0.0, self._backoff_s(self._failures[key]))
            else:
                self._failures.pop(key, None)
            if after_s is not None:
                due = self._clock() + after_s * (1 + self._chance.uniform(-jitter, jitter))
                self._due[key] = min(due, self._due.get(key, due))
            if key in self._due:
                self._push(key)

    def forget(self, key: Key) -> None:
        """No pass over ``key`` is planned any more."""
        with self._changed:
            self._due.pop(key, None)
            self._failures.pop(key, None)

    def finish(self, key: Key) -> None:
        """The pass over ``key`` has ended because it is gone; one asked for meanwhile still takes place."""
        with self._changed:
            self._active.pop(key, None)
            self._failures.pop(key, None)
            if key in self._due:
                self._push(key)

    def close(self) -> None:
        """Let every :meth:`take` return ``None``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Keys that are due now and not yet taken."""
        with self._changed:
            now = self._clock()
            return sum(1 for key, due in self._due.items() if due <= now and key not in self._active)

    @property
    def until_next_s(self) -> float | None:
        """Seconds until the next key is due (0 or less: now), ``None`` when there is none."""
        with self._changed:
            return self._until_next()

    @property
    def longest_pass_s(self) -> float:
        """Age of the oldest pass under way, 0 when there is none."""
        with self._changed:
            return max((self._clock() - began for began in self._active.values()), default=0.0)

    def _plan(self, key: Key, due: float) -> None:
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            if key not in self._active:
                self._push(key)

    def _push(self, key: Key) -> None:
        heapq.heappush(self._heap, (self._due[key], next(self._count), key))
        self._changed.notify()

    def _until_next(self) -> float | None:
        """Seconds until the first key is due, ``None`` when there is none; drops entries that no longer count."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due and key not in self._active:
                return due - self._clock()
            heapq.heappop(self._heap)
        return None

    def _begin(self) -> Key:
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._active[key] = self._clock()
        return key

    def _backoff_s(self, failures: int) -> float:
        return min(BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 20), BACKOFF_MOST_S)
