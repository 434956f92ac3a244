"""Cuts SQL into tokens and statements as PostgreSQL's lexer does: comments nest, quotes and dollar quotes hide nothing.

What cannot be told apart for sure (Unicode-escaped identifiers, a changed string syntax) is left to the reader of the
statements to refuse; nothing here raises, and time grows with the length of the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<line>--[^\n]*)
      | (?P<open>/\*)
      | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
      | (?P<string>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z))
      | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))
      | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>\d[\w.]*)
      | (?P<cast>::)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
MAX_TOKENS: Final = 300_000
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")
TOO_LONG: Final = "trop d'instructions"
_SIMPLE: Final = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_BEFORE_PARENTHESIS: Final = frozenset(
    {"using", "check", "as", "in", "values", "and", "or", "on", "not", "where", "key"}
)
_COPY_END: Final = re.compile(r"^\\\.\r?$", re.MULTILINE)


class T(Enum):
    """What a token is."""

    WORD = auto()
    NAME = auto()  # a quoted identifier
    STRING = auto()
    BODY = auto()  # a dollar-quoted string
    NUMBER = auto()
    MARK = auto()


class Token(NamedTuple):
    """``text``: a word in lower case, an identifier or a string without its quotes, or one character of punctuation."""

    kind: T
    text: str


_GLUE: Final = (Token(T.MARK, "("), Token(T.MARK, "."), Token(T.MARK, "::"))


@dataclass(slots=True)
class Statement:
    """Tokens up to a semicolon; ``comments`` stand before or inside it; ``doubtful`` says why it may be misread."""

    line: int
    tokens: list[Token] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    doubtful: str = ""

    def words(self, start: int, *wanted: str) -> bool:
        """Whether these keywords stand at ``start``."""
        found = self.tokens[start : start + len(wanted)]
        return len(found) == len(wanted) and all(
            t.kind is T.WORD and t.text == w for t, w in zip(found, wanted, strict=True)
        )


def statements(source: str) -> Iterator[Statement]:
    """The statements of an SQL text, in order; the last one may be unfinished."""
    current = Statement(0)
    position, line, end, taken = 0, 1, len(source), 0
    while position < end:
        found = _TOKEN.match(source, position)
        if found is None:  # the last alternative takes any character
            return
        stop, token = _read(source, found, current)
        if token is not None:
            taken += 1
            if taken > MAX_TOKENS:
                current.doubtful = TOO_LONG
                yield current
                return
            current.line = current.line or line
            if token == Token(T.MARK, ";"):
                stop = _past_copied_data(source, stop, current)
                yield current
                current = Statement(0)
            else:
                current.tokens.append(token)
        if token is None or stop - position > 1:
            line += source.count("\n", position, stop)
        position = stop
    if current.tokens:
        yield current


def _read(  # noqa: PLR0911  one line a kind of token
    source: str, found: re.Match[str], statement: Statement
) -> tuple[int, Token | None]:
    """Where the token ends, and the token when it is not a space or a comment."""
    kind, text, stop = found.lastgroup, found[0], found.end()
    match kind:
        case "space":
            return stop, None
        case "line":
            statement.comments.append(text[2:].strip()[:300])
            return stop, None
        case "open":
            stop = _comment_end(source, stop)
            statement.comments.append(source[found.end() : stop].removesuffix("*/").strip()[:300])
            return stop, None
        case "word":
            return stop, Token(T.WORD, text.lower())
        case "number":
            return stop, Token(T.NUMBER, text)
        case "string" | "escaped":
            return stop, Token(T.STRING, text.partition("'")[2].removesuffix("'").replace("''", "'"))
        case "quoted":
            if text[0] == "`":  # not PostgreSQL's, but what older applications send to other databases
                return stop, Token(T.NAME, text.strip("`"))
            if text[0] != '"':
                statement.doubtful = "un identifiant écrit en échappements Unicode"
            return stop, Token(T.NAME, text.partition('"')[2].removesuffix('"').replace('""', '"'))
        case "dollar" | "tag":
            closing = source.find(found["dollar"], stop)
            inner = closing if closing >= 0 else len(source)
            return min(inner + len(found["dollar"]), len(source)), Token(T.BODY, source[stop:inner])
        case _:
            return stop, Token(T.MARK, text)


def _comment_end(source: str, position: int) -> int:
    """After the end of a block comment that starts before ``position``; they nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(source, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(source)


def _past_copied_data(source: str, position: int, statement: Statement) -> int:
    """After the rows that follow ``COPY … FROM stdin;`` in a dump, which are not SQL."""
    if not statement.words(0, "copy") or Token(T.WORD, "stdin") not in statement.tokens:
        return position
    ended = _COPY_END.search(source, position)
    return ended.end() if ended else len(source)


def identifier(token: Token) -> str:
    """A name as PostgreSQL folds it: quotes are kept where they matter, so that no two names are confused."""
    if token.kind is T.NAME and not _SIMPLE.match(token.text):
        return '"' + token.text.replace('"', '""') + '"'
    return token.text


def table(tokens: list[Token], start: int) -> tuple[str, int]:
    """The table named at ``start`` (``public`` taken off, another schema kept) and where it ends; ``""`` for none."""
    parts: list[str] = []
    position = start
    while position < len(tokens) and tokens[position].kind in (T.WORD, T.NAME):
        parts.append(identifier(tokens[position]))
        position += 1
        if position >= len(tokens) or tokens[position] != Token(T.MARK, "."):
            break
        position += 1
    schema = [part for part in parts[-2:-1] if part != "public"]
    return ".".join([*schema, *parts[-1:]]), position


def shown(tokens: list[Token], limit: int = 200) -> str:
    """The tokens as readable SQL, for evidence."""
    written, before = "", Token(T.MARK, "(")
    for token in tokens[:200]:
        text = _written(token)
        called = text == "(" and before.kind in (T.WORD, T.NAME) and before.text not in _BEFORE_PARENTHESIS
        glued = called or text in (",", ")", ".", "::", ";") or before in _GLUE
        written += text if glued else " " + text
        before = token
        if len(written) > limit:
            return written[:limit] + "…"
    return written


def _written(token: Token) -> str:
    match token.kind:
        case T.STRING:
            return "'" + token.text.replace("'", "''") + "'"
        case T.NAME:
            return identifier(token)
        case T.BODY:
            return "$$…$$"
        case _:
            return token.text
