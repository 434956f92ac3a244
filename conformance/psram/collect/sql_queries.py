"""What a query of the code touches: for each of its blocks, the tables and the columns compared with a parameter.

``SELECT … FROM a WHERE a.x = :p UNION SELECT … FROM b`` has two blocks; a sub-query is one of its own. A column counts
as bound when every alternative (OR) of the block's condition compares it with a parameter, or when it is inserted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psram.collect.sql_conditions import alternatives, closing, sides, without_cast
from psram.collect.sql_tables import past_options
from psram.collect.sql_tokens import Statement, T, Token, identifier, statements, table
from psram.facts import SqlRead

UNREADABLE: Final = "?"
_MAX_BLOCKS: Final = 30
_OPEN, _CLOSE, _COMMA = Token(T.MARK, "("), Token(T.MARK, ")"), Token(T.MARK, ",")
_QUERIES: Final = tuple([Token(T.WORD, word)] for word in ("select", "with", "delete", "update"))
_OUTER: Final = frozenset({"left", "right", "full", "outer"})
_BRANCHES: Final = frozenset({"union", "except", "intersect"})
_AFTER_WHERE: Final = frozenset(
    {"group", "order", "limit", "having", "returning", "for", "offset", "fetch", "window", "on", "where"}
    | {"join", "left", "inner", "right", "full", "cross", "natural"}
)
_BEFORE_TABLE: Final = frozenset({"from", "join", "update", "into", "using", "truncate", "table"})
_UPDATES: Final = frozenset({"for", "key", "do"})  # FOR UPDATE, ON DUPLICATE KEY UPDATE, ON CONFLICT DO UPDATE
_OF_A_TABLE: Final = frozenset({"truncate", "lock", "alter", "drop"})
_NOT_TABLES: Final = _BEFORE_TABLE | {"set", "lateral", "subquery", "where", "order", "group", "limit", "values", "on"}
_NOT_ALIASES: Final = frozenset({"where", "set", "join", "left", "inner", "on", "using", "values", "select", "order"})


def reads(sql: str) -> tuple[SqlRead, ...]:
    """The blocks of a query that name a table; never raises."""
    found: list[SqlRead] = []
    for statement in statements(sql):
        made = _named_here(statement.tokens)
        for block in _blocks(statement.tokens):
            tables = tuple(dict.fromkeys(t for t in _tables(block) if t not in made))
            if tables and len(found) < _MAX_BLOCKS:
                found.append(SqlRead(tables, tuple(sorted(_bound(block)))))
    return tuple(found)


def _named_here(tokens: list[Token]) -> set[str]:
    """Names that the query itself gives to its parts: ``WITH x AS (…)``."""
    if tokens[:1] != [Token(T.WORD, "with")]:
        return set()
    starts = (i for i, t in enumerate(tokens) if t == Token(T.WORD, "as") and i > 1)
    return {identifier(tokens[i - 1]) for i in starts if tokens[i - 1].kind in (T.WORD, T.NAME)}


def _blocks(tokens: list[Token]) -> Iterator[list[Token]]:
    """Each query of the text, its sub-queries taken out of it and told apart."""
    waiting = [tokens]
    taken = 0
    while waiting and taken < _MAX_BLOCKS:
        current = waiting.pop()
        block: list[Token] = []
        position = 0
        while position < len(current):
            token = current[position]
            if token == _OPEN and current[position + 1 : position + 2] in _QUERIES:
                end = closing(current, position)
                waiting.append(current[position + 1 : end])
                block += [_OPEN, Token(T.WORD, "subquery"), _CLOSE]
                position = end + 1
                continue
            if token.kind is T.WORD and token.text in _BRANCHES:
                waiting.append(current[position + 1 :])
                break
            block.append(token)
            position += 1
        taken += 1
        yield block


def _tables(block: list[Token]) -> Iterator[str]:
    listed = Statement(0, block)
    for position, token in enumerate(block):
        if token.kind is not T.WORD or token.text not in _BEFORE_TABLE:
            continue
        before = block[position - 1].text if position else ""
        if before in _UPDATES or (token.text == "table" and before not in _OF_A_TABLE):
            continue
        if token.text == "from" and any(t == _OPEN for t in block[:position]) and _inside_call(block, position):
            continue  # extract(year FROM …)
        start = past_options(listed, position + 1)
        while start < len(block):
            name, end = table(block, start)
            if name in _NOT_TABLES:
                break
            if block[end : end + 1] == [_OPEN] and token.text in ("from", "join", "using"):
                end = closing(block, end) + 1  # a function that gives rows
            elif name:
                yield UNREADABLE if UNREADABLE in name else name
            elif block[start].kind is T.MARK and block[start].text in "?%":
                yield UNREADABLE
            if not name or token.text in ("join", "update", "into"):
                break
            after = end + (block[end : end + 1] == [Token(T.WORD, "as")])
            alias = block[after : after + 1]
            if alias and alias[0].kind in (T.WORD, T.NAME) and alias[0].text not in _NOT_ALIASES:
                after += 1
            if block[after : after + 1] != [_COMMA]:
                break
            start = after + 1


def _inside_call(block: list[Token], position: int) -> bool:
    """Whether a parenthesis is open at this place of the block."""
    depth = sum((t == _OPEN) - (t == _CLOSE) for t in block[:position])
    return depth > 0


def _bound(block: list[Token]) -> set[str]:
    columns = _inserted(block)
    clauses = [_clause(block, i + 1) for i in range(len(block)) if _restricts(block, i)]
    for clause in clauses[:_MAX_BLOCKS]:
        bound = [{c for atom in conditions if (c := _compared(atom))} for conditions in alternatives(clause)]
        if bound:
            columns |= set.intersection(*bound)
    return columns


def _restricts(block: list[Token], position: int) -> bool:
    """Whether a condition of ``WHERE`` or of an inner join starts after this place; an outer join removes no row."""
    if block[position] == Token(T.WORD, "where"):
        return True
    if block[position] != Token(T.WORD, "on"):
        return False
    joins = [i for i in range(position) if block[i] == Token(T.WORD, "join")]
    return bool(joins) and block[joins[-1] - 1].text not in _OUTER


def _clause(block: list[Token], start: int) -> list[Token]:
    """The condition that starts there, up to the next clause."""
    depth = 0
    for position in range(start, len(block)):
        token = block[position]
        depth += (token == _OPEN) - (token == _CLOSE)
        if depth < 0 or (depth == 0 and token.kind is T.WORD and token.text in _AFTER_WHERE):
            return block[start:position]
    return block[start:]


def _inserted(block: list[Token]) -> set[str]:
    """Columns that ``INSERT INTO t (a, b)`` names."""
    if block[:2] != [Token(T.WORD, "insert"), Token(T.WORD, "into")]:
        return set()
    _name, end = table(block, 2)
    if block[end : end + 1] != [_OPEN]:
        return set()
    return {identifier(t) for t in block[end + 1 : closing(block, end)] if t.kind in (T.WORD, T.NAME)}


def _compared(atom: list[Token]) -> str:
    """The column of ``column = parameter``, whatever its alias; empty for anything else."""
    both = sides(atom)
    if both is None:
        return ""
    for one, other in (both, both[::-1]):
        column = _column(without_cast(one))
        if column and _is_parameter(without_cast(other)):
            return column
    return ""


def _column(tokens: list[Token]) -> str:
    names = [t for t in tokens if t.kind in (T.WORD, T.NAME)]
    dots = [t for t in tokens if t == Token(T.MARK, ".")]
    return identifier(names[-1]) if names and len(tokens) == len(names) + len(dots) == 2 * len(names) - 1 else ""


def _is_parameter(tokens: list[Token]) -> bool:
    if tokens[:1] == [Token(T.WORD, "current_setting")]:
        return True
    words = [t.text for t in tokens]
    named = len(tokens) == 2 and words[0] in (":", "$")  # noqa: PLR2004  a mark and a name
    return named or words == ["?"]
