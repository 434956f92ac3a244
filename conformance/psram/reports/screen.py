"""Lines of a terminal: folded or cut to its width, coloured where wanted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from psram.model import printable

_COLOURS: Final = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
USUAL_WIDTH: Final = 80


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; its first ``painted`` characters bear the ``colours``.

    Where it is too long it is folded, what follows indented by ``hang``, or ``cut`` to one line of the screen.
    """

    text: str
    painted: int = 0
    colours: tuple[str, ...] = ()
    hang: int = 0
    cut: bool = False


def drawn(line: Line, width: int, *, colour: bool) -> list[str]:
    """The line as it is written; a width of 0 leaves it whole."""
    parts = _parts(line, width)
    if colour and line.painted:
        painted = ";".join(_COLOURS[name] for name in line.colours)
        parts[0] = f"\x1b[{painted}m{parts[0][: line.painted]}\x1b[0m{parts[0][line.painted :]}"
    return parts


def height(lines: Iterable[Line], width: int) -> int:
    """How many lines of the screen these take."""
    return sum(len(_parts(line, width or USUAL_WIDTH)) for line in lines)


def _parts(line: Line, width: int) -> list[str]:
    text = printable(line.text)  # whatever was told comes from a repository or a person: never a control character
    if not width or len(text) <= width:
        return [text]
    if line.cut:
        return [text[: width - 1] + "…"]
    return textwrap.wrap(text, width, subsequent_indent=" " * line.hang, break_on_hyphens=False)
