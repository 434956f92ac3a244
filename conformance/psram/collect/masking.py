"""Marks of places whose value must never be kept: masked excerpts, and a salted print that tells two values apart."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from psram.facts import Mark

MAX_MARKS: Final = 200
_HASHES: Final = re.compile(rb"#+")


class Hit(NamedTuple):
    """A value found between two positions; ``detail`` goes into the mark, after the value's print."""

    start: int
    end: int
    name: str
    detail: str = ""


def marks(content: bytes, kind: str, hits: list[Hit]) -> tuple[Mark, ...]:
    """Marks of the hits in their order, values masked in excerpts; ``detail`` starts with the value's print."""
    if not hits:
        return ()
    masked = bytearray(content)
    for hit in hits:
        masked[hit.start : hit.end] = b"#" * (hit.end - hit.start)
    found = set()
    for hit in hits[: 4 * MAX_MARKS]:
        start = masked.rfind(b"\n", 0, hit.start) + 1
        end = masked.find(b"\n", start)
        text = _HASHES.sub(b"#", bytes(masked[start : start + 2000 if end < 0 else min(end, start + 2000)]))
        excerpt = "".join(text.decode("utf-8", "replace").split())[:400]
        found.add(Mark(content.count(b"\n", 0, hit.start) + 1, kind, hit.name, hit.detail, excerpt))
    return tuple(sorted(found)[:MAX_MARKS])
