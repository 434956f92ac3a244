"""Codes of organisations that the statements of an SQL file are about: ``WHERE organisation = '671'``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from psram.collect.sql_tokens import T, Token, shown, statements
from psram.facts import Mark

_MAX_SHOWN: Final = 240
_MAX_CODES: Final = 200
_NEAR: Final = 12
_BEGINS_OPERAND: Final = frozenset({"and", "or", "where", "on", "set", ",", "when", "having", "then", "else", "values"})
_CODE: Final = re.compile(r"[0-9]{3}")
_ORGANISATION: Final = re.compile(r"organi[sz]", re.IGNORECASE)


def organisations(content: bytes) -> tuple[Mark, ...]:
    """Codes of organisations that statements are about, comments left out."""
    if b"rganis" not in content.lower():
        return ()
    found: dict[tuple[int, str], Mark] = {}
    for statement in statements(content.decode("utf-8-sig", "replace")):
        for position, token in enumerate(statement.tokens):
            if token.kind is T.STRING and _CODE.fullmatch(token.text) and _of_organisation(statement.tokens, position):
                shown_as = shown(statement.tokens, _MAX_SHOWN)
                found.setdefault(
                    (statement.line, token.text),
                    Mark(statement.line, "code", token.text, "organisation", "".join(shown_as.split())),
                )
        if len(found) > _MAX_CODES:
            break
    return tuple(sorted(found.values()))


def _of_organisation(tokens: Sequence[Token], position: int) -> bool:
    """Whether this value is compared with an organisation, alone or in a list, or is given to it by default."""
    at = position - 1
    while at > 0 and (tokens[at].kind in (T.STRING, T.NUMBER) or tokens[at].text in (",", "(")):
        at -= 1
    if tokens[at].text not in ("=", "<", ">", "in", "default", "is"):
        return False
    for token in reversed(tokens[max(at - _NEAR, 0) : at]):
        if token.text in _BEGINS_OPERAND:
            return False
        if token.kind in (T.WORD, T.NAME) and _ORGANISATION.search(token.text):
            return True
    return False
