"""What keeps notifications from being too many: deliveries seen already, projects that notify too often, wrong tokens.

A pass does whatever there is to do, so that what is left out here is never lost. All of it is bounded and forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

SEEN_S: Final = 300.0
"""Seconds in which the same delivery again asks for nothing; later, a person sends it anew on purpose."""
SEEN_MOST: Final = 5000
BURST: Final = 20
EVERY_S: Final = 2.0
"""A project may notify twenty times at once, then once every two seconds; beyond, its pass waits a little."""
POSTPONED_S: Final = 10.0
WRONG_BURST: Final = 10
WRONG_EVERY_S: Final = 6.0
REMEMBERED: Final = 2000


class Deliveries:
    """Names of the deliveries of the last minutes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def seen(self, name: str) -> bool:
        """Whether this delivery came before; one without a name never did."""
        now = self._clock()
        while self._seen and (len(self._seen) > SEEN_MOST or now - next(iter(self._seen.values())) > SEEN_S):
            self._seen.popitem(last=False)
        return bool(name) and name in self._seen

    def remember(self, name: str) -> None:
        """This delivery was heard."""
        if name:
            self._seen[name] = self._clock()
            self._seen.move_to_end(name)


class Rates:
    """How often each of many (projects, addresses) may do something: ``burst`` at once, then one each ``every_s``."""

    def __init__(self, burst: int, every_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._every_s = every_s
        self._clock = clock
        self._next: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, who: str) -> float:
        """0 when ``who`` may, and it counts; else the seconds after which they may, and nothing is counted."""
        now = self._clock()
        begins = max(self._next.get(who, 0.0), now - self._burst * self._every_s)
        wait_s = begins + self._every_s - now
        if wait_s > 0:
            return wait_s
        self._next[who] = begins + self._every_s
        self._next.move_to_end(who)
        while len(self._next) > REMEMBERED:
            self._next.popitem(last=False)
        return 0.0
