"""Statements about row level security policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psram.collect.sql_conditions import Condition, canonical, closing
from psram.collect.sql_tables import past_options
from psram.collect.sql_tokens import Statement, T, Token, identifier, table
from psram.facts import SqlPolicy, SqlStatement

_COMMANDS: Final = frozenset({"all", "select", "insert", "update", "delete"})
_CLAUSES: Final = frozenset({"as", "for", "to", "using", "with", "rename"})


def created(statement: Statement) -> Iterator[SqlStatement]:
    """``CREATE POLICY name ON table [AS …] [FOR …] [TO …] [USING (…)] [WITH CHECK (…)]``."""
    yield from _read(statement, "create_policy")


def altered(statement: Statement) -> Iterator[SqlStatement]:
    """``ALTER POLICY``: a rename, or other conditions."""
    yield from _read(statement, "alter_policy")


def dropped(statement: Statement) -> Iterator[SqlStatement]:
    """``DROP POLICY [IF EXISTS] name ON table``."""
    name, target, _end = _named(statement)
    yield SqlStatement(statement.line, "drop_policy", target, name)


def _read(statement: Statement, kind: str) -> Iterator[SqlStatement]:
    name, target, position = _named(statement)
    tokens = statement.tokens
    given: dict[str, Condition] = {}
    restrictive, command, renamed = False, "all", ""
    roles: list[str] = []
    while position < len(tokens):
        word = tokens[position].text if tokens[position].kind is T.WORD else ""
        following = tokens[position + 1 : position + 2]
        match word:
            case "as" if following:
                restrictive = following[0] == Token(T.WORD, "restrictive")
            case "for" if following and following[0].text in _COMMANDS:
                command = following[0].text
            case "to":
                roles = [identifier(t) for t in tokens[position + 1 : _clause(tokens, position + 1)] if t.text != ","]
            case "rename":
                renamed = identifier(tokens[-1])
            case "using" | "check" if following == [Token(T.MARK, "(")]:
                end = closing(tokens, position + 1)
                given[word] = canonical(tokens[position + 2 : end], target)
                position = end
            case _:
                pass
        position += 1
    if renamed:
        yield SqlStatement(statement.line, "rename_policy", target, name, policy=SqlPolicy(renamed))
        return
    yield SqlStatement(
        statement.line,
        kind,
        target,
        name,
        policy=SqlPolicy(name, restrictive, command, tuple(roles), given.get("using", ()), given.get("check", ())),
    )


def _named(statement: Statement) -> tuple[str, str, int]:
    """The policy, its table, and where the rest starts."""
    tokens = statement.tokens
    position = past_options(statement, 2)
    name = identifier(tokens[position]) if position < len(tokens) else ""
    on = position + 1
    if not statement.words(on, "on"):
        return name, "", len(tokens)
    target, end = table(tokens, on + 1)
    return name, target, end


def _clause(tokens: list[Token], start: int) -> int:
    """Where the next clause starts."""
    found = (i for i in range(start, len(tokens)) if tokens[i].kind is T.WORD and tokens[i].text in _CLAUSES)
    return next(found, len(tokens))
