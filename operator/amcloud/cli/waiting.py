"""Waiting for an answer of the operator, which works on while a person looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def until_answered(ask: Callable[[], Answer | None], *, timeout_s: float, every_s: float) -> Answer | None:
    """What ``ask`` answers, asked every ``every_s`` seconds; ``None`` when time is over."""
    until = time.monotonic() + timeout_s
    while (answer := ask()) is None:
        if time.monotonic() > until:
            return None
        time.sleep(every_s)
    return answer
