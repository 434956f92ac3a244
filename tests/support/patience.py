"""Waiting for what real services do in their own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(what: str, found: Callable[[], Found | None], *, timeout_s: float = 120.0, every_s: float = 0.3) -> Found:
    """The first answer of ``found`` that is true; ``what`` says in a failure what never came."""
    deadline = time.monotonic() + timeout_s
    while not (seen := found()):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(every_s)
    return seen
