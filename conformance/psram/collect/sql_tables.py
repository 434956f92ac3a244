"""Statements about tables and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psram.collect.sql_conditions import closing
from psram.collect.sql_tokens import Statement, T, Token, identifier, table
from psram.facts import SqlColumn, SqlStatement

_MAX_COLUMNS: Final = 500
_MAX_SOURCES: Final = 50
_OPEN: Final = Token(T.MARK, "(")
_COMMA: Final = Token(T.MARK, ",")
_NOT_COLUMNS: Final = frozenset({"constraint", "primary", "unique", "check", "foreign", "exclude", "like"})
_CHECKED: Final = frozenset({"unique", "check", "foreign", "exclude"})
_READ_FROM: Final = frozenset({"from", "join", "inherits", "of", "like"})
_RLS: Final = (
    (("enable", "row", "level", "security"), "enable_rls"),
    (("disable", "row", "level", "security"), "disable_rls"),
    (("force", "row", "level", "security"), "force_rls"),
    (("no", "force", "row", "level", "security"), "no_force_rls"),
)


def past_options(statement: Statement, position: int) -> int:
    """After ``IF [NOT] EXISTS``, ``ONLY`` and ``CONCURRENTLY``."""
    for words in (("concurrently",), ("if", "not", "exists"), ("if", "exists"), ("only",)):
        if statement.words(position, *words):
            position += len(words)
    return position


def created(statement: Statement) -> Iterator[SqlStatement]:
    """``CREATE TABLE``, in all its ways; temporary tables are nobody's."""
    tokens = statement.tokens
    at = next((i for i, t in enumerate(tokens[:8]) if t == Token(T.WORD, "table")), 0)
    if not at or any(t.text in ("temp", "temporary") for t in tokens[:at]):
        return
    start = past_options(statement, at + 1)
    name, end = table(tokens, start)
    columns: list[SqlColumn] = []
    rest = tokens[end:]
    if rest[:1] == [_OPEN]:
        inside = closing(rest, 0)
        columns = [c for part in _parts(rest[1:inside]) if (c := _column(part)) is not None]
        copied = [
            s for part in _parts(rest[1:inside]) if part and part[0] == Token(T.WORD, "like") for s in sources(part)
        ]
        rest = rest[inside + 1 :]
    else:
        copied = []
    made = [t for t in rest if t.kind is T.WORD and t.text in ("as", "partition", "inherits")][:1]
    detail = "if not exists" if start > at + 1 else ""
    found = tuple(dict.fromkeys([*copied, *(sources(rest) if made else ())]))
    kind = f" {made[0].text}" if made else ""
    yield SqlStatement(
        statement.line, "create_table", name, (detail + kind).strip(), tuple(columns[:_MAX_COLUMNS]), sources=found
    )


def dropped(statement: Statement) -> Iterator[SqlStatement]:
    """``DROP TABLE a, b``."""
    for name in listed(statement, past_options(statement, 2)):
        yield SqlStatement(statement.line, "drop_table", name)


def listed(statement: Statement, position: int) -> Iterator[str]:
    """The tables of a list."""
    for part in _parts(statement.tokens[position:]):
        start = 1 if part[:1] == [Token(T.WORD, "only")] else 0
        name, _end = table(part, start)
        if name:
            yield name


def altered(statement: Statement) -> Iterator[SqlStatement]:
    """``ALTER TABLE name action, action…``."""
    tokens = statement.tokens
    name, end = table(tokens, past_options(statement, 2))
    if tokens[end : end + 1] == [Token(T.MARK, "*")]:
        end += 1
    for action in _parts(tokens[end:]):
        yield from _action(statement.line, name, Statement(statement.line, action))


def _action(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    for words, kind in _RLS:
        if action.words(0, *words):
            yield SqlStatement(line, kind, name)
            return
    tokens = action.tokens
    if action.words(0, "rename"):
        yield from _renamed(line, name, action)
    elif action.words(0, "set", "schema"):
        moved = f"{identifier(tokens[2])}.{name.rpartition('.')[2]}" if len(tokens) > 2 else name  # noqa: PLR2004
        yield SqlStatement(line, "rename_table", name, moved.removeprefix("public."))
    elif action.words(0, "add"):
        yield from _added(line, name, action)
    elif action.words(0, "drop"):
        yield from _removed(line, name, action)
    elif action.words(0, "alter"):
        yield from _changed(line, name, action)
    elif action.words(0, "attach", "partition"):
        yield SqlStatement(line, "attach_partition", table(tokens, 2)[0], sources=(name,))
    elif action.words(0, "inherit"):
        yield SqlStatement(line, "attach_partition", name, sources=(table(tokens, 1)[0],))


def _renamed(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    tokens = action.tokens
    if action.words(1, "to") and len(tokens) > 2:  # noqa: PLR2004  RENAME TO name
        schema = name.rpartition(".")[0]
        new = identifier(tokens[2])
        yield SqlStatement(line, "rename_table", name, f"{schema}.{new}" if schema else new)
    elif not action.words(1, "constraint"):
        column = tokens[2 if action.words(1, "column") else 1 :][:1]
        if column and len(tokens) > 3:  # noqa: PLR2004  RENAME [COLUMN] old TO new
            yield SqlStatement(line, "rename_column", name, f"{identifier(column[0])} {identifier(tokens[-1])}")


def _constrained(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    """A rule put on rows that are there already: those of a new column, or left unchecked (NOT VALID), have none."""
    tokens = action.tokens
    start = 3 if action.words(1, "constraint") else 1
    kind = tokens[start].text if start < len(tokens) and tokens[start].kind is T.WORD else ""
    opening = next((i for i in range(start, len(tokens)) if tokens[i] == _OPEN), -1)
    if kind not in _CHECKED or opening < 0 or any(action.words(i, "not", "valid") for i in range(len(tokens))):
        return
    yield SqlStatement(line, "add_constraint", name, kind, named_in(tokens[opening : closing(tokens, opening) + 1]))


def named_in(tokens: list[Token]) -> tuple[SqlColumn, ...]:
    """Names that can be columns."""
    names = dict.fromkeys(identifier(t) for t in tokens if t.kind in (T.WORD, T.NAME))
    return tuple(SqlColumn(name) for name in list(names)[:_MAX_COLUMNS])


def indexed(statement: Statement) -> Iterator[SqlStatement]:
    """``CREATE UNIQUE INDEX … ON table (…)``: a rule on the rows that are there."""
    tokens = statement.tokens
    at = next((i for i, t in enumerate(tokens[:12]) if t == Token(T.WORD, "on")), 0)
    if not at or not statement.words(1, "unique", "index"):
        return
    name, _end = table(tokens, past_options(statement, at + 1))
    opening = next((i for i in range(at, len(tokens)) if tokens[i] == _OPEN), -1)
    if opening >= 0:
        yield SqlStatement(statement.line, "add_constraint", name, "unique", named_in(tokens[opening:]))


def _added(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    yield from _constrained(line, name, action)
    position = past_options(action, 2 if action.words(1, "column") else 1)
    column = _column(action.tokens[position:])
    if column is not None:
        yield SqlStatement(line, "add_column", name, column.name, (column,))


def _removed(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    if action.words(1, "constraint"):
        return
    position = past_options(action, 2 if action.words(1, "column") else 1)
    if position < len(action.tokens):
        yield SqlStatement(line, "drop_column", name, identifier(action.tokens[position]))


def _changed(line: int, name: str, action: Statement) -> Iterator[SqlStatement]:
    position = 2 if action.words(1, "column") else 1
    if position >= len(action.tokens):
        return
    column = identifier(action.tokens[position])
    if action.words(position + 1, "set", "not", "null"):
        yield SqlStatement(line, "set_not_null", name, column)
    elif action.words(position + 1, "drop", "not", "null"):
        yield SqlStatement(line, "drop_not_null", name, column)
    elif action.words(position + 1, "type") or action.words(position + 1, "set", "data", "type"):
        yield SqlStatement(line, "alter_type", name, column)


def _column(tokens: list[Token]) -> SqlColumn | None:
    """A column's definition; ``None`` for a table constraint."""
    if len(tokens) < 2 or tokens[0].kind not in (T.WORD, T.NAME):  # noqa: PLR2004  a name and a type
        return None
    if tokens[0].kind is T.WORD and tokens[0].text in _NOT_COLUMNS:
        return None
    flat = Statement(0, tokens)
    starts = range(1, len(tokens))
    refers = next((i for i in starts if flat.words(i, "references")), 0)
    return SqlColumn(
        name=identifier(tokens[0]),
        not_null=any(flat.words(i, "not", "null") or flat.words(i, "primary", "key") for i in starts),
        default=any(flat.words(i, "default") or flat.words(i, "generated") for i in starts)
        or tokens[1].text in ("serial", "bigserial", "smallserial"),
        references=table(tokens, refers + 1)[0] if refers else "",
    )


def _parts(tokens: list[Token]) -> list[list[Token]]:
    """The parts between commas outside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in "([" and token.kind is T.MARK) - (token.text in ")]" and token.kind is T.MARK)
        if depth == 0 and token == _COMMA:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def sources(tokens: list[Token]) -> tuple[str, ...]:
    """Tables that a query reads, or that a table is made from."""
    found: dict[str, None] = {}
    for position, token in enumerate(tokens):
        if token.kind is not T.WORD or token.text not in _READ_FROM or len(found) >= _MAX_SOURCES:
            continue
        start = position + 1
        while start < len(tokens) and (tokens[start] == _OPEN or tokens[start].text in ("only", "lateral")):
            start += 1
        while True:
            name, end = table(tokens, start)
            if name:
                found[name] = None
            alias = end + (1 if end < len(tokens) and tokens[end] == Token(T.WORD, "as") else 0)
            after = alias + (1 if alias < len(tokens) and tokens[alias].kind in (T.WORD, T.NAME) else 0)
            comma = next((i for i in (end, after) if tokens[i : i + 1] == [_COMMA]), -1)
            if comma < 0 or not name or len(found) >= _MAX_SOURCES:
                break
            start = comma + 1
    return tuple(found)
