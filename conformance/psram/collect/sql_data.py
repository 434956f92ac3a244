"""Facts of an SQL file (a migration): what it does to tables, row level security and rights.

A small tokenizer (comments, quoted strings, dollar quotes) cuts statements; each is then recognised by its head.
What is inside ``DO`` blocks and functions is dynamic: it is told as such, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.facts import SqlStatement

_MAX_STATEMENTS: Final = 5000
_TOKEN: Final = re.compile(
    r"""--[^\n]* | /\*.*?(?:\*/|\Z) | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=dollar)|\Z)
      | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | ; | [^-/$'";]+ | .""",
    re.VERBOSE | re.DOTALL,
)
_NAME: Final = r'(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?((?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?)'
_CREATE_TABLE: Final = re.compile(
    rf"create\s+(?:(?:global\s+|local\s+)?temp(?:orary)?\s+|unlogged\s+)?table\s+{_NAME}\s*\((.*)\)", re.S
)
_TEMPORARY: Final = re.compile(r"create\s+(?:global\s+|local\s+)?temp")
_ALTER_TABLE: Final = re.compile(rf"alter\s+table\s+{_NAME}\s+(.*)", re.S)
_DROP_TABLE: Final = re.compile(rf"drop\s+table\s+{_NAME}")
_CREATE_POLICY: Final = re.compile(rf'create\s+policy\s+("[^"]+"|[\w$]+)\s+on\s+{_NAME}\s*(.*)', re.S)
_DROP_POLICY: Final = re.compile(rf'drop\s+policy\s+(?:if\s+exists\s+)?("[^"]+"|[\w$]+)\s+on\s+{_NAME}')
_ALTER_POLICY: Final = re.compile(rf'alter\s+policy\s+("[^"]+"|[\w$]+)\s+on\s+{_NAME}\s*(.*)', re.S)
_RLS: Final = (
    ("no_force_rls", re.compile(r"\bno\s+force\s+row\s+level\s+security")),
    ("force_rls", re.compile(r"(?<!no )\bforce\s+row\s+level\s+security")),
    ("enable_rls", re.compile(r"\benable\s+row\s+level\s+security")),
    ("disable_rls", re.compile(r"\bdisable\s+row\s+level\s+security")),
)


def facts(content: bytes) -> tuple[SqlStatement, ...]:
    """Statements that rules ask about, in order; never raises."""
    source = content.decode("utf-8", "replace")
    found: list[SqlStatement] = []
    for line, statement, dynamic in _statements(source):
        found += _recognised(line, statement)
        if dynamic and re.match(r"do\b|create\s+(or\s+replace\s+)?(function|procedure)\b", statement):
            found.append(SqlStatement(line, "dynamic", detail=dynamic[:2000].lower()))
        if len(found) > _MAX_STATEMENTS:
            return (*found, SqlStatement(line, "too_long"))
    return tuple(found)


def _statements(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, lower-case text without comments, dollar-quoted body) of each statement."""
    parts: list[str] = []
    body = ""
    line, start = 1, 0
    for token in _TOKEN.finditer(source):
        text = token[0]
        if text == ";":
            if start:
                yield start, _normal(parts), body
            parts, body, start = [], "", 0
        elif text.startswith(("--", "/*")):
            parts.append(" ")
        else:
            if not start and text.strip():
                start = line + text[: len(text) - len(text.lstrip())].count("\n")
            if token["dollar"]:
                body += text
                parts.append(" $$ ")
            else:
                parts.append(text)
        line += text.count("\n")
    if start:
        yield start, _normal(parts), body


def _normal(parts: list[str]) -> str:
    return " ".join("".join(parts).lower().split())


def _recognised(line: int, statement: str) -> Iterator[SqlStatement]:
    if (found := _CREATE_TABLE.match(statement)) and not _TEMPORARY.match(statement):
        yield SqlStatement(line, "create_table", _table(found[1]), found[2][:4000])
    elif found := _ALTER_TABLE.match(statement):
        yield from _altered(line, _table(found[1]), found[2])
    elif found := _DROP_TABLE.match(statement):
        yield SqlStatement(line, "drop_table", _table(found[1]))
    elif found := _CREATE_POLICY.match(statement):
        yield SqlStatement(line, "create_policy", _table(found[2]), f"{_bare(found[1])} {found[3]}"[:2000])
    elif found := _ALTER_POLICY.match(statement):
        yield SqlStatement(line, "alter_policy", _table(found[2]), f"{_bare(found[1])} {found[3]}"[:2000])
    elif found := _DROP_POLICY.match(statement):
        yield SqlStatement(line, "drop_policy", _table(found[2]), _bare(found[1]))
    if re.search(r"\b(?<!no)bypassrls\b", statement):
        yield SqlStatement(line, "bypassrls")
    if re.search(r"\bsecurity\s+definer\b", statement):
        yield SqlStatement(line, "security_definer")
    if re.search(r"\brow_security\s*(=|to)\s*'?off", statement):
        yield SqlStatement(line, "row_security_off")


def _altered(line: int, table: str, actions: str) -> Iterator[SqlStatement]:
    for kind, pattern in _RLS:
        if pattern.search(actions):
            yield SqlStatement(line, kind, table)
    if renamed := re.match(rf"rename\s+to\s+{_NAME}", actions):
        yield SqlStatement(line, "rename_table", table, _table(renamed[1]))
    if re.search(r"\badd\s+(column\s+)?(if\s+not\s+exists\s+)?\"?organisation\"?\b", actions):
        yield SqlStatement(line, "add_organisation", table)


def _bare(name: str) -> str:
    return name.strip('"')


def _table(name: str) -> str:
    """The table's own name: schema and quotes taken off."""
    return name.rpartition(".")[2].strip().strip('"')
