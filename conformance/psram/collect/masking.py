"""Marks of places whose value must never be kept: masked excerpts, and a salted print that tells two values apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from psram.facts import Mark

MAX_MARKS: Final = 200
_HIDDEN: Final = re.compile(rb"[^\r\n]")
_VALUES: Final = re.compile(rb"x{4,}")


class Hit(NamedTuple):
    """A value found between two positions; ``detail`` goes into the mark, after the value's print."""

    start: int
    end: int
    name: str
    detail: str = ""


def masked(content: bytes, hits: Iterable[Hit]) -> bytes:
    """The content with every value replaced by as many ``x``: lines and syntax stay what they are."""
    written = bytearray(content)
    for hit in hits:
        written[hit.start : hit.end] = _HIDDEN.sub(b"x", content[hit.start : hit.end])
    return bytes(written)


def marks(content: bytes, kind: str, hits: Sequence[Hit], *, shown: bytes | None = None) -> tuple[Mark, ...]:
    """Marks of the hits in their order; ``shown`` is the content without any value (else without these)."""
    if not hits:
        return ()
    hidden = masked(content, hits) if shown is None else shown
    found = set()
    for hit in hits[: 4 * MAX_MARKS]:
        start = hidden.rfind(b"\n", 0, hit.start) + 1
        end = hidden.find(b"\n", start)
        text = hidden[start : start + 2000 if end < 0 else min(end, start + 2000)]
        excerpt = "".join(_VALUES.sub(b"x", text).decode("utf-8", "replace").split())[:400]
        found.add(Mark(content.count(b"\n", 0, hit.start) + 1, kind, hit.name, hit.detail, excerpt))
    return tuple(sorted(found)[:MAX_MARKS])
