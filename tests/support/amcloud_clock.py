"""Time for what waits."""

from __future__ import annotations


class Sleepers:
    """In place of the module ``time``: it goes by only while somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
