"""What a client remembers for a while, so that a service is not asked again: bounded in number and in time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST = 2000


class Memory(Generic[K, V]):
    """Values by key, each for ``lasts_s`` seconds; the oldest go first. Safe to use from any thread."""

    def __init__(self, lasts_s: float, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s = lasts_s
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is remembered, or ``None``."""
        with self._lock:
            found = self._kept.get(key)
            return None if found is None or self._clock() - found[1] > self._lasts_s else found[0]

    def put(self, key: K, value: V) -> V:
        """``value`` is remembered from now on; it is given back."""
        with self._lock:
            self._kept[key] = (value, self._clock())
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value

    def drop(self, key: K) -> None:
        """Nothing is remembered of ``key``."""
        with self._lock:
            self._kept.pop(key, None)
