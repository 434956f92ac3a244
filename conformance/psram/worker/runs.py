"""Cuts a long list of contents into runs of neighbours, where their ids alone say so.

What is kept of a run is looked up at once. A change costs the run that it lies in, whatever comes before or after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_ENDS: Final = ("00", "20", "40", "60", "80", "a0", "c0", "e0")
"""A content whose id ends so is the last of its run: one in thirty-two."""
_MOST: Final = 128


def cut(ids: Sequence[str]) -> Iterator[slice]:
    """Where each run lies among the contents of these ids; they follow each other."""
    begin = 0
    for place, name in enumerate(ids, 1):
        if place - begin == _MOST or name.endswith(_ENDS):
            yield slice(begin, place)
            begin = place
    if begin < len(ids):
        yield slice(begin, len(ids))
