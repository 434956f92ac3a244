"""Writes a policy's condition in one canonical way: alternatives (OR) of conditions (AND).

``organisation = current_setting('x')`` is the canonical form of ``(("t"."organisation")::text = (SELECT
current_setting('x', true)::text))`` and of the same turned round. What is not understood is kept as it is written, and
therefore never equals what a rule asks for.
"""

from __future__ import annotations

from typing import Final

from psram.collect.sql_tokens import T, Token, identifier, shown

Condition = tuple[tuple[str, ...], ...]

_MAX_ATOMS: Final = 50
_MAX_PEELS: Final = 50
_MAX_TOKENS: Final = 2000
_OPEN: Final = Token(T.MARK, "(")
_CLOSE: Final = Token(T.MARK, ")")
_COMMA: Final = Token(T.MARK, ",")


def canonical(tokens: list[Token], table: str) -> Condition:
    """The condition between the clause's parentheses; columns lose the name of their own ``table``."""
    if len(tokens) > _MAX_TOKENS:
        return (("…",),)
    bare = table.rpartition(".")[2]
    return tuple(tuple(_atom(part, bare) for part in parts) for parts in alternatives(tokens))


def alternatives(tokens: list[Token]) -> list[list[list[Token]]]:
    """Alternatives (OR) of conditions (AND), as they are written; an alternative inside a condition stays whole."""
    return [_conjuncts(part) for part in _split(_peeled(tokens), "or")[:_MAX_ATOMS]]


def chooses_all(tokens: list[Token]) -> bool:
    """Whether a change has no condition of its own, or one that is written to be true always."""
    start = outside(tokens, "where")
    if not start:
        return True
    end = outside(tokens, "returning") or len(tokens)
    condition = tokens[start + 1 : end][:_MAX_TOKENS]
    return any(all(map(_always, part)) for part in alternatives(condition))


def outside(tokens: list[Token], *words: str) -> int:
    """Where one of these keywords stands outside parentheses, past the first token; 0 when none does."""
    depth = 0
    for position, token in enumerate(tokens):
        depth += (token == _OPEN) - (token == _CLOSE)
        if depth == 0 and position and token.kind is T.WORD and token.text in words:
            return position
    return 0


def _always(tokens: list[Token]) -> bool:
    tokens = _peeled(tokens)
    if tokens in ([Token(T.WORD, "true")], [Token(T.WORD, "not"), Token(T.WORD, "false")]):
        return True
    equal = [i for i, t in enumerate(tokens) if t == Token(T.MARK, "=")]
    return len(equal) == 1 and bool(tokens[: equal[0]]) and tokens[: equal[0]] == tokens[equal[0] + 1 :]


def _conjuncts(tokens: list[Token]) -> list[list[Token]]:
    found: list[list[Token]] = []
    waiting = [tokens]
    while waiting and len(found) < _MAX_ATOMS:
        parts = _split(_peeled(waiting.pop()), "and")
        if len(parts) == 1:
            found.append(parts[0])
        else:
            waiting.extend(reversed(parts))
    return found + waiting


def _split(tokens: list[Token], word: str) -> list[list[Token]]:
    """The parts between these keywords outside parentheses; ``BETWEEN … AND`` is cut too, which only loses it."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == _OPEN) - (token == _CLOSE)
        if depth == 0 and token == Token(T.WORD, word):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _peeled(tokens: list[Token]) -> list[Token]:
    """Without the parentheses around the whole."""
    for _ in range(_MAX_PEELS):
        if not (tokens and tokens[0] == _OPEN and closing(tokens, 0) == len(tokens) - 1):
            break
        tokens = tokens[1:-1]
    return tokens


def closing(tokens: list[Token], start: int) -> int:
    """Where the parenthesis that opens at ``start`` closes; the end when it does not."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position] == _OPEN) - (tokens[position] == _CLOSE)
        if depth == 0:
            return position
    return len(tokens)


def _atom(tokens: list[Token], table: str) -> str:
    both = sides(tokens)
    if both is None:
        return shown(tokens)
    return " = ".join(sorted((_operand(side, table) for side in both), key=_columns_first))


def _columns_first(operand: str) -> tuple[bool, str]:
    return not operand[:1].isalpha() or "(" in operand, operand


def sides(tokens: list[Token]) -> tuple[list[Token], list[Token]] | None:
    """Both sides of the only comparison of the expression, when it is a plain equality."""
    depth = 0
    found = []
    for position, token in enumerate(tokens):
        depth += (token == _OPEN) - (token == _CLOSE)
        if depth == 0 and token.kind is T.MARK and token.text in "=<>!~":
            found.append(position)
    if len(found) != 1 or tokens[found[0]].text != "=":
        return None
    return tokens[: found[0]], tokens[found[0] + 1 :]


def _operand(tokens: list[Token], table: str) -> str:
    """A column's bare name, a call of ``current_setting`` with its setting, else the text as written."""
    for _ in range(_MAX_PEELS):
        before = tokens
        tokens = _unwrapped(without_cast(_peeled(tokens)))
        if tokens == before:
            break
    names = [t for t in tokens if t.kind in (T.WORD, T.NAME)]
    if len(tokens) == 1 and names:
        return identifier(names[0])
    if len(tokens) == 3 and len(names) == 2 and tokens[1].text == "." and identifier(names[0]) == table:  # noqa: PLR2004
        return identifier(names[1])
    setting = _setting(tokens)
    return f"current_setting('{setting}')" if setting else shown(tokens)


def without_cast(tokens: list[Token]) -> list[Token]:
    """Without a trailing ``::type`` (its size included)."""
    depth = 0
    for position in range(len(tokens) - 1, -1, -1):
        depth += (tokens[position] == _CLOSE) - (tokens[position] == _OPEN)
        if depth == 0 and tokens[position] == Token(T.MARK, "::"):
            return tokens[:position]
    return tokens


def _unwrapped(tokens: list[Token]) -> list[Token]:
    """Inside ``SELECT x`` and ``nullif(x, '')``, which give what ``x`` gives, or nothing."""
    if tokens[:1] == [Token(T.WORD, "select")] and not any(
        t.kind is T.WORD and t.text in ("from", "union", "where", "case") for t in tokens
    ):
        return tokens[1:]
    if tokens[:2] == [Token(T.WORD, "nullif"), _OPEN] and tokens[-3:] == [_COMMA, Token(T.STRING, ""), _CLOSE]:
        return tokens[2:-3]
    return tokens


def _setting(tokens: list[Token]) -> str:
    """The setting of ``current_setting('x')`` or ``current_setting('x', true)``, as ``pg_dump`` writes them too."""
    if tokens[:2] == [Token(T.WORD, "pg_catalog"), Token(T.MARK, ".")]:
        tokens = tokens[2:]
    if tokens[:2] != [Token(T.WORD, "current_setting"), _OPEN] or len(tokens) < 4 or tokens[2].kind is not T.STRING:  # noqa: PLR2004
        return ""
    tail = tokens[3:]
    if tail[:1] == [Token(T.MARK, "::")]:
        tail = tail[2:]
    flags = ([_COMMA, Token(T.WORD, word), _CLOSE] for word in ("true", "false"))
    return tokens[2].text if tail == [_CLOSE] or tail in flags else ""
