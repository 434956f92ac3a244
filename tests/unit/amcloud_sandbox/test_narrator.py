"""What waits is told often enough, whoever waited before."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest

from amcloud_sandbox.demo.narrator import HEARTBEAT_S, Narrator

STEP_S = 0.5


class Clock:
    """A time that passes while one sleeps."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_two_waits_in_a_row_are_never_silent_for_longer_than_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    began, told = clock.now, Narrator()
    monkeypatch.setattr("amcloud_sandbox.demo.narrator.time", clock)

    def after(seconds: float) -> Callable[[], bool]:
        return lambda: clock.now >= began + seconds

    told.wait("la première", after(15.5), timeout_s=100, every_s=STEP_S)
    told.wait("la seconde", after(30.0), timeout_s=100, every_s=STEP_S)
    times = [0.0, *(float(line[1:7]) for line in capsys.readouterr().out.splitlines()), 30.0]
    assert len(times) > 3
    assert max(later - before for before, later in itertools.pairwise(times)) <= HEARTBEAT_S + 2 * STEP_S
