"""Answers drawn from all facts, computed once for the facts at hand: rules ask the same questions in turn."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TypeVar

from psram.facts import Facts

T = TypeVar("T")


def of_facts(make: Callable[[Facts], T]) -> Callable[[Facts], T]:
    """``make`` (pure), remembering its answer for the facts that were asked about last, while they live."""
    slot: list[tuple[weakref.ref[Facts], T]] = []

    def asked(facts: Facts) -> T:
        held = slot[:1]
        if held and held[0][0]() is facts:
            return held[0][1]
        answer = make(facts)
        slot[:] = [(weakref.ref(facts, lambda _gone: slot.clear()), answer)]
        return answer

    return asked
