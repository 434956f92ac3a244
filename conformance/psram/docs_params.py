"""The parameters of a rule as Markdown: what it allows, refuses and counts, tables included. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml


def section(params: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the section; none without parameters."""
    if not params:
        return
    yield "## Paramètres"
    yield ""
    tables = {name: value for name, value in params.items() if is_table(value)}
    plain = {name: value for name, value in params.items() if name not in tables}
    for name, value in plain.items():
        yield f"* `{name}` : {_said(value)}"
    if plain:
        yield ""
    for name, rows in tables.items():
        yield from _table(f"`{name}`", rows)


def is_table(value: Any) -> bool:
    """Whether a parameter is a list of things with names."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def columns(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The names of a table's columns in their order, those first whose cells are no tables, then the others."""
    names = dict.fromkeys(name for row in rows for name in row)
    inner = [name for name in names if any(is_table(row.get(name)) for row in rows)]
    return [name for name in names if name not in inner], inner


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table of the rows; a column that is itself a table becomes one of its own, under the row's name."""
    plain, inner = columns(rows)
    yield f"{title} :"
    yield ""
    yield f"| {' | '.join(plain)} |"
    yield f"| {' | '.join('---' for _ in plain)} |"
    for row in rows:
        yield f"| {' | '.join(_said(row[key]) if key in row else '' for key in plain)} |"
    yield ""
    for row in rows:
        for key in (name for name in inner if is_table(row.get(name))):
            yield from _table(f"{row.get('name', title)}, `{key}`", row[key])


def yaml_of(value: Any) -> str:
    """The value as YAML on one line, as a pack's data writes it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()


def _code(value: str) -> str:
    """The text as Markdown code; one that holds backticks stands between longer fences."""
    return f"`` {value} ``" if "`" in value else f"`{value}`"


def _said(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "oui" if value else "non"
        case Mapping():
            return " ; ".join(f"`{key}` : {_said(item)}" for key, item in value.items()) or "–"
        case list() | tuple():
            return ", ".join(_said(item) for item in value) or "–"
        case str() if " " not in value:
            return _code(value).replace("|", "\\|")
        case _:
            return str(value).replace("|", "\\|")
