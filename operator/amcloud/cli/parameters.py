"""The parameters of a rule as a terminal shows them: values on their line, lists of things as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from psram.docs_params import columns, is_table

_INDENT: Final = "  "


def lines(params: Mapping[str, Any], width: int) -> Iterator[str]:
    """Each parameter by its name; none without parameters."""
    for name, value in params.items():
        if is_table(value):
            yield f"{name} :"
            yield from _table(value, width)
        else:
            yield from _folded(f"{name} : {_said(value)}", width, _INDENT)


def _table(rows: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    """Columns side by side where they fit, else a line a row; a table inside a row comes under it."""
    names, inner = columns(rows)
    cells = [[_said(row[name]) if name in row else "" for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    fits = not inner and len(_INDENT) + sum(widths) + 2 * (len(widths) - 1) <= width
    if fits:
        for cut in (names, *cells):
            yield (_INDENT + "  ".join(cell.ljust(size) for cell, size in zip(cut, widths, strict=True))).rstrip()
        return
    for row in rows:
        told = [f"{name} {_said(row[name])}" for name in names[1:] if name in row]
        head = _said(row[names[0]]) if names and names[0] in row else ""
        yield from _folded(_INDENT + " ; ".join(part for part in (head, *told) if part), width, 3 * _INDENT)
        for name in inner:
            if is_table(row.get(name)):
                yield from (_INDENT + line for line in _table(row[name], width - len(_INDENT)))


def _folded(text: str, width: int, hang: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hang, break_on_hyphens=False)


def _said(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "oui" if value else "non"
        case Mapping():
            return " ; ".join(f"{key} {_said(item)}" for key, item in value.items()) or "–"
        case list() | tuple():
            return ", ".join(_said(item) for item in value) or "–"
        case _:
            return str(value)
