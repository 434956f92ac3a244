"""One budget for every request to the forge: a pace, a pause when the forge asks for one, one knock while it is down.

All that talks to the forge asks here first, its API and its git alike: what one application learns of an outage, every
other one knows. Nothing here speaks HTTP.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from amcloud import metrics
from amcloud.errors import ForgeUnavailableError, RepositoryRefusedError

REFS_REQUESTS: Final = 2
FETCH_REQUESTS: Final = 3
"""Requests of git's protocol over HTTP: what the server speaks, its references, then the pack."""
UNLIMITED: Final = float("inf")
BURST_S: Final = 10.0
"""Seconds of the pace that may be spent at once after a quiet while."""
SUBJECTS_DOWN: Final = 3
"""Different projects in trouble, with no good answer between, that mean the forge itself; one alone never does."""
PAUSE_FIRST_S: Final = 5.0
PAUSE_MOST_S: Final = 120.0
ASKED_MOST_S: Final = 3600.0
"""Longest pause that the forge's own ``Retry-After`` gets."""
SPREAD_MOST_S: Final = 30.0
KNOCK_S: Final = 130.0
"""Seconds that the one request sent to a forge that was down gets to answer; longer than any time-out of ours."""


class ForgePausedError(ForgeUnavailableError):
    """Nothing was asked of the forge: it wants to be left alone, or was down a moment ago."""


class Budget:
    """Safe to use from any thread. ``per_minute`` requests at most, evenly, in all."""

    def __init__(
        self,
        per_minute: float = UNLIMITED,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._every_s = 60.0 / per_minute
        self._clock = clock
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, protects nothing
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._closed_until = float("-inf")
        self._asked_for = False
        self._failing: set[str] = set()
        self._pauses = 0
        self._knocking = False

    @contextmanager
    def asking(self, subject: str, *, requests: int = 0) -> Iterator[None]:
        """What happens inside is one question about ``subject`` (a project, or ``""``); how it ends is remembered.

        ``requests`` are spent at once, by those who cannot count them one by one.

        Raises:
            ForgePausedError: the forge is not to be asked now.
        """
        if requests:
            self.spend(requests)
        try:
            yield
        except ForgePausedError:
            raise
        except ForgeUnavailableError as error:
            self._failed(subject, error.retry_after_s)
            raise
        except RepositoryRefusedError:
            self.answered()
            raise
        else:
            self.answered()

    def spend(self, requests: int = 1) -> None:
        """Wait for the turn of so many requests.

        Raises:
            ForgePausedError: the forge is not to be asked now.
        """
        with self._lock:
            wait_s = self._turn(requests)
        metrics.FORGE_REQUESTS.inc(requests)
        if wait_s > 0:
            self._sleep(wait_s)

    @property
    def paused_s(self) -> float:
        """Seconds for which the forge is left alone, 0 when it may be asked."""
        with self._lock:
            return max(0.0, self._closed_until - self._clock())

    def _turn(self, requests: int) -> float:
        now = self._clock()
        if now < self._closed_until:
            raise self._paused(self._closed_until - now)
        if self._down and not self._asked_for:
            # whoever comes first knocks, all others wait for what comes of it
            self._knocking, self._closed_until = True, now + KNOCK_S
        self._asked_for = False
        metrics.FORGE_PAUSED.set(0)
        begins = max(self._next, now - BURST_S)
        self._next = begins + requests * self._every_s
        return max(0.0, begins - now)

    @property
    def _down(self) -> bool:
        return len(self._failing) >= SUBJECTS_DOWN

    def _paused(self, left_s: float) -> ForgePausedError:
        # a little later than the pause ends, so that not everybody comes back at the same moment; the sentence is the
        # same each time, so that an outage is written once on each application
        after_s = left_s + self._chance.uniform(0.0, min(left_s, SPREAD_MOST_S))
        why = "La forge demande d'attendre" if self._asked_for else "La forge ne répond pas"
        return ForgePausedError(f"{why} : de nouveaux essais suivent d'eux-mêmes.", retry_after_s=after_s)

    def answered(self) -> None:
        """The forge gave an answer, be it a refusal: it is up."""
        with self._lock:
            self._failing.clear()
            self._pauses = 0
            self._knocking = False
            if not self._asked_for:
                self._closed_until = float("-inf")
                metrics.FORGE_PAUSED.set(0)

    def _failed(self, subject: str, asked_s: float | None) -> None:
        with self._lock:
            now = self._clock()
            if asked_s is not None:
                self._asked_for, self._knocking = True, False
                metrics.FORGE_PAUSED.set(1)
                self._closed_until = max(self._closed_until, now + min(asked_s, ASKED_MOST_S))
                return
            self._failing.add(subject)
            if not self._down or (now < self._closed_until and not self._knocking):
                return  # one that was sent before the others found out
            metrics.FORGE_PAUSED.set(1)
            self._pauses += 1
            pause_s = min(PAUSE_FIRST_S * 2.0 ** min(self._pauses - 1, 20), PAUSE_MOST_S)
            self._knocking, self._closed_until = False, now + pause_s * self._chance.uniform(0.8, 1.2)
