"""Facts of an SQL file (a migration): what it does to tables, row level security and rights.

:mod:`psram.collect.sql_tokens` cuts statements; each is recognised by its first words. What is inside ``DO`` blocks and
functions can be made at run time: it is told as ``dynamic``, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from psram.collect import sql_conditions, sql_policies, sql_tables
from psram.collect.sql_tokens import MAX_TOKENS, TOO_LONG, Statement, T, Token, shown, statements, table
from psram.facts import SqlStatement

__all__ = ["MAX_TOKENS", "facts"]

_MAX_FACTS: Final = 5000
_MAX_SHOWN: Final = 240
_REASON: Final = re.compile(r"^(?:partag[ée]e?|destructif|irr[ée]versible)\s*:\s*(\S.{8,})", re.IGNORECASE)
_TENANT: Final = re.compile(r"amcloud\.organisation|\bset_config\s*\(\s*(?!'(?!amcloud)[a-z_.]+')", re.IGNORECASE)
_TENANT_READ: Final = re.compile(r"current_setting\s*\(\s*'amcloud\.organisation'", re.IGNORECASE)
_DYNAMIC: Final = frozenset({"execute", "alter", "drop", "policy", "grant", "security", "role", "create"})
_NAMED: Final = r"(?:only\s+)?[\w.%\"]+\s*"
_DESTROYS: Final = re.compile(
    r"\bdrop\s+(?:table|schema|database|column)\b|\btruncate\b"
    r"|\balter\s+table\b[^;]{1,200}?\b(?:rename|drop\s+(?!not\b|constraint\b|default\b)\w+)"
    rf"|\bdelete\s+from\s+{_NAMED}(?:;|'|$)|\bupdate\s+{_NAMED}set\b(?:(?!\bwhere\b)[^;]){{1,1000}}(?:;|$)",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[a-z_]+")
Reader = Callable[[Statement], Iterator[SqlStatement]]


def facts(content: bytes) -> tuple[SqlStatement, ...]:
    """Statements that rules ask about, in order; never raises."""
    found: list[SqlStatement] = []
    for statement in statements(content.decode("utf-8-sig", "replace")):
        reason = _reason(statement)
        text = ""
        for fact in _recognised(statement):
            text = text or shown(statement.tokens, _MAX_SHOWN)
            found.append(msgspec.structs.replace(fact, reason=reason, shown=fact.shown or text))
        if len(found) > _MAX_FACTS or statement.doubtful == TOO_LONG:
            return (*found[:_MAX_FACTS], SqlStatement(max(statement.line, 1), "too_long"))
    return tuple(found)


def _reason(statement: Statement) -> str:
    """What a comment before or inside the statement declares on purpose (``-- destructif : …``)."""
    return next((said[1][:200] for c in statement.comments if (said := _REASON.match(c))), "")


def _recognised(statement: Statement) -> Iterator[SqlStatement]:
    first = statement.tokens[0].text if statement.tokens and statement.tokens[0].kind is T.WORD else ""
    if statement.doubtful and statement.doubtful != TOO_LONG:
        yield SqlStatement(statement.line, "doubtful", detail=statement.doubtful)
    if _changes_tenant(statement):
        yield SqlStatement(statement.line, "set_tenant")
    reader = _READERS.get(first)
    if reader is not None:
        yield from reader(statement)


def _changes_tenant(statement: Statement) -> bool:
    """Whether it sets the organisation's setting, in a function's body too; reading it is what policies do."""
    return any(_sets_tenant(statement.tokens, position) for position in range(len(statement.tokens)))


def _sets_tenant(tokens: Sequence[Token], position: int) -> bool:
    token, after = tokens[position], tokens[position + 1 : position + 3]
    if token.kind in (T.BODY, T.STRING):
        read = token.kind is T.STRING and tokens[max(position - 2, 0)].text == "current_setting"
        return not read and _TENANT.search(_TENANT_READ.sub("", token.text)) is not None
    match token.text.lower():
        case "set_config":
            return not (len(after) > 1 and _is_other(after[1]))
        case "amcloud":
            return [t.text.lower() for t in after] == [".", "organisation"]
        case _:
            return False


def _is_other(token: Token) -> bool:
    return token.kind is T.STRING and "amcloud" not in token.text.lower()


def _create(statement: Statement) -> Iterator[SqlStatement]:
    tokens = statement.tokens
    words = [t.text for t in tokens[:8] if t.kind is T.WORD]
    skipped = ("create", "or", "replace", "global", "local", "unlogged", "recursive", "constraint", "materialized")
    what = next((w for w in words if w not in skipped), "")
    match what:
        case "table" | "foreign":
            yield from sql_tables.created(statement)
        case "view":
            yield from _view(statement, materialized="materialized" in words[:3])
        case "policy":
            yield from sql_policies.created(statement)
        case "function" | "procedure":
            yield from _function(statement)
        case "role" | "user":
            yield from _role(statement)
        case "rule":
            yield SqlStatement(statement.line, "rewrite_rule")
        case "unique":
            yield from sql_tables.indexed(statement)
        case _:
            pass


def _view(statement: Statement, *, materialized: bool) -> Iterator[SqlStatement]:
    position = next(i for i, t in enumerate(statement.tokens) if t == Token(T.WORD, "view")) + 1
    name, end = table(statement.tokens, sql_tables.past_options(statement, position))
    kind = "create_matview" if materialized else "create_view"
    yield SqlStatement(statement.line, kind, name, sources=sql_tables.sources(statement.tokens[end:]))


def _function(statement: Statement) -> Iterator[SqlStatement]:
    tokens = statement.tokens
    if any(statement.words(i, "security", "definer") for i in range(len(tokens))):
        yield SqlStatement(statement.line, "security_definer")
    yield from _sets(statement)
    yield from _body(statement)


def _body(statement: Statement) -> Iterator[SqlStatement]:
    """``dynamic`` when the block's code changes something other than rows, or makes statements at run time."""
    for token in statement.tokens:
        if token.kind in (T.BODY, T.STRING) and not _DYNAMIC.isdisjoint(_WORDS.findall(token.text.lower())):
            yield SqlStatement(statement.line, "dynamic")
            return


def _block(statement: Statement) -> Iterator[SqlStatement]:
    """A ``DO`` block: what of it loses rows or columns, besides."""
    yield from _body(statement)
    for token in statement.tokens:
        found = _DESTROYS.search(token.text) if token.kind in (T.BODY, T.STRING) else None
        if found is not None:
            yield SqlStatement(statement.line, "block_destroys", detail=" ".join(found[0].split())[:60])
            return


def _role(statement: Statement) -> Iterator[SqlStatement]:
    words = {t.text for t in statement.tokens if t.kind is T.WORD}
    if words & {"bypassrls", "superuser"}:
        yield SqlStatement(statement.line, "bypassrls")
    yield from _sets(statement)


def _alter(statement: Statement) -> Iterator[SqlStatement]:
    match [t.text for t in statement.tokens[1:2] if t.kind is T.WORD]:
        case ["table"]:
            yield from sql_tables.altered(statement)
        case ["policy"]:
            yield from sql_policies.altered(statement)
        case ["role" | "user"]:
            yield from _role(statement)
        case ["database" | "system"]:
            yield from _sets(statement)
        case ["function" | "procedure" | "routine"]:
            yield from _function(statement)
        case _:
            pass


def _drop(statement: Statement) -> Iterator[SqlStatement]:
    match [t.text for t in statement.tokens[1:2] if t.kind is T.WORD]:
        case ["table"]:
            yield from sql_tables.dropped(statement)
        case ["policy"]:
            yield from sql_policies.dropped(statement)
        case ["schema"]:
            for name in sql_tables.listed(statement, _past(statement, 2)):
                yield SqlStatement(statement.line, "drop_schema", name)
        case _:
            pass


def _past(statement: Statement, position: int) -> int:
    return sql_tables.past_options(statement, position)


def _sets(statement: Statement) -> Iterator[SqlStatement]:
    """Settings that change how the rest is read, or suspend row security."""
    tokens = statement.tokens
    for position, token in enumerate(tokens):
        if token.kind is not T.WORD or token.text not in _SETTINGS:
            continue
        value = next((t.text.lower() for t in tokens[position + 1 : position + 3] if t.text not in ("=", "to")), "")
        kind = _SETTINGS[token.text]
        harmless = "public" if kind == "search_path" else "on"
        if value not in (harmless, "true", "1", "default", '"$user"', "$user"):
            yield SqlStatement(statement.line, kind, detail=value[:60])


def _truncate(statement: Statement) -> Iterator[SqlStatement]:
    for name in sql_tables.listed(statement, 2 if statement.words(1, "table") else 1):
        yield SqlStatement(statement.line, "truncate", name)


def _written(statement: Statement) -> Iterator[SqlStatement]:
    """``UPDATE`` and ``DELETE`` without a condition that chooses rows, or on PostgreSQL's own tables."""
    start = 2 if statement.words(1, "from") else 1
    name, _end = table(statement.tokens, _past(statement, start))
    if name.startswith("pg_"):
        yield SqlStatement(statement.line, "catalog_write", name)
    elif sql_conditions.chooses_all(statement.tokens):
        yield SqlStatement(statement.line, f"{statement.tokens[0].text}_all", name)


def _with(statement: Statement) -> Iterator[SqlStatement]:
    """``WITH … SELECT … INTO``, and the ``UPDATE`` or ``DELETE`` that comes after it."""
    yield from _select(statement)
    changed = sql_conditions.outside(statement.tokens, "select", "insert", "update", "delete", "merge")
    if changed and statement.tokens[changed].text in ("update", "delete"):
        yield from _written(Statement(statement.line, statement.tokens[changed:]))


def _comment(statement: Statement) -> Iterator[SqlStatement]:
    if not statement.words(1, "on", "table"):
        return
    name, end = table(statement.tokens, 3)
    said = next((t.text for t in statement.tokens[end:] if t.kind is T.STRING), "")
    yield SqlStatement(statement.line, "comment_table", name, said[:300])


def _select(statement: Statement) -> Iterator[SqlStatement]:
    """``SELECT … INTO table`` and ``SELECT set_config('row_security', …)``."""
    tokens = statement.tokens
    for position, token in enumerate(tokens):
        if token == Token(T.STRING, "row_security") and statement.words(position - 2, "set_config"):
            yield SqlStatement(statement.line, "row_security_off")
        if token == Token(T.WORD, "into") and tokens[position - 1].text not in ("insert", "merge"):
            name, _end = table(tokens, _past(statement, position + 1))
            yield SqlStatement(statement.line, "create_table", name, "as", sources=sql_tables.sources(tokens))
            return


_SETTINGS: Final = {
    "row_security": "row_security_off",
    "search_path": "search_path",
    "standard_conforming_strings": "doubtful",
}
_READERS: Final[dict[str, Reader]] = {
    "create": _create,
    "alter": _alter,
    "drop": _drop,
    "set": _sets,
    "do": _block,
    "truncate": _truncate,
    "update": _written,
    "delete": _written,
    "comment": _comment,
    "select": _select,
    "with": _with,
}
