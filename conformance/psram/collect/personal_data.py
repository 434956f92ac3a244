"""Personal data in any text: social security numbers (NIR) and bank accounts (IBAN) whose key is right, e-mail
addresses. Values are never kept: marks say where, of which kind, with a short salted print.

A mark's ``detail`` is the print, then what a pack may exempt without knowing the value: for a NIR ``commune-000`` and
``ordre-000`` (never given to anybody), for an IBAN its country and bank (``FR-30006``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.collect.masking import Hit, marks
from psram.facts import Mark
from psram.fictitious import salted

# Months 13 to 19 and 43 to 49 do not exist in a NIR; 20 to 42 and 50 to 99 stand for what is not known of a birth.
# Between their parts: a space, a dot, a hyphen, or the spaces that word processors do not break at (UTF-8).
_BETWEEN: Final = rb"(?:[ .-]|\xc2\xa0|\xe2\x80\xaf)?"
_BODY: Final = (
    rb"(?<![0-9A-Za-z.])(%(sex)s%(b)s[0-9]{2}%(b)s%(month)s%(b)s(?:[0-9]{2}|2[ABab])%(b)s[0-9]{3}%(b)s[0-9]{3})"
)
_NIR: Final = re.compile(
    _BODY % {b"b": _BETWEEN, b"sex": rb"[1-478]", b"month": rb"(?:0[1-9]|1[0-2]|[235-9][0-9]|4[0-2])"}
    + _BETWEEN
    + rb"([0-9]{2})(?![0-9A-Za-z])"
)
# The key in a column of its own tells less: for months of the calendar only, and not 3, by which codes of drugs begin.
_IN_COLUMN: Final = rb"(?:[\"']?[ \t]{0,3}[;|\t][ \t]{0,3}[\"']?|\",[ ]?\")"
_NIR_IN_COLUMNS: Final = re.compile(
    _BODY % {b"b": _BETWEEN, b"sex": rb"[12]", b"month": rb"(?:0[1-9]|1[0-2])"}
    + _IN_COLUMN
    + rb"([0-9]{2})(?![0-9A-Za-z.,-])"
)
_NIR_AS_NUMBER: Final = re.compile(rb"(?<![\w.])(?=[0-9]{1,14}_)([1-478](?:_?[0-9]){12})((?:_?[0-9]){2})(?![\w.])")
_MAYBE_NIR: Final = (
    rb"[1-478]%(b)s(?:[0-9]{2}%(b)s){2}(?:[0-9]{2}|2[ABab])%(b)s[0-9]{3}%(b)s[0-9]{3}(?:%(b)s|%(in)s)[0-9]{2}"
    % {b"b": _BETWEEN, b"in": _IN_COLUMN}
)
_MAYBE_NUMBER: Final = rb"[1-478](?:_?[0-9]){14}"
_IBAN: Final = re.compile(
    rb"(?<![0-9A-Za-z])([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?![0-9A-Za-z])"
)
_IBAN_LENGTHS: Final = {
    **{b"FR": 27, b"MC": 27, b"DE": 22, b"BE": 16, b"ES": 24, b"IT": 27, b"LU": 20, b"CH": 21},
    **{b"GB": 22, b"NL": 18, b"PT": 25, b"AT": 20, b"IE": 22, b"PL": 28},
}
_BESIDE: Final = re.compile(rb"[^0-9A-Za-z]+")
_MONTH: Final = re.compile(rb"0[1-9]|1[0-2]|[235-9][0-9]|4[0-2]")
_EMAIL: Final = re.compile(
    rb"(?<![\w.+%-])([A-Za-z][A-Za-z0-9_%+-]{0,40}(?:\.[A-Za-z0-9_%+-]{1,40}){1,3})@((?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24})\b",
)
_CREDITED: Final = re.compile(rb"(?i)@author|@copyright|copyright|signed-off|licen[cs]e|co-authored")
_MAYBE_IBAN: Final = rb"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2}"
_DIGITS: Final = rb"[0-9]{7}|[0-9]{3}(?:[ ._-]|\xc2\xa0|\xe2\x80\xaf)[0-9]{3}|[0-9]_[0-9]"
PATTERNS: Final = (_MAYBE_NIR, _MAYBE_NUMBER, _MAYBE_IBAN, _DIGITS)
"""What tells most contents apart (:mod:`psram.collect.sieve`)."""


def personal(content: bytes) -> tuple[Mark, ...]:
    """Places that hold a social security number or a bank account number whose control key is right."""
    return marks(content, "personal", hits(content))


def hits(content: bytes, held: frozenset[bytes] = frozenset(PATTERNS)) -> list[Hit]:
    """Where these numbers are, in a content that holds these of :data:`PATTERNS`."""
    if _DIGITS not in held:
        return []
    return [
        *(_nirs(content, _NIR, _NIR_IN_COLUMNS) if _MAYBE_NIR in held else ()),
        *(_nirs(content, _NIR_AS_NUMBER) if _MAYBE_NUMBER in held and b"_" in content else ()),
        *(_ibans(content) if _MAYBE_IBAN in held else ()),
    ]


def emails(content: bytes) -> tuple[Mark, ...]:
    """Addresses that look like a person's (``prenom.nom@…``); authors and licences left out. ``name`` is the domain."""
    return marks(content, "email", email_hits(content))


def email_hits(content: bytes) -> list[Hit]:
    """Where these addresses are."""
    found: list[Hit] = []
    if b"@" not in content:
        return found
    for address in _EMAIL.finditer(content):
        start = content.rfind(b"\n", 0, address.start()) + 1
        if _CREDITED.search(content, start, address.start()) is None:
            detail = salted(address[0].lower())
            found.append(Hit(address.start(), address.end(), address[2].decode("ascii").lower(), detail))
    return found


def _nirs(content: bytes, *patterns: re.Pattern[bytes]) -> Iterator[Hit]:
    for found in (found for pattern in patterns for found in pattern.finditer(content)):
        digits, key = (_BESIDE.sub(b"", part).upper() for part in found.groups())
        if _MONTH.match(digits, 3) and nir_key(digits.decode()) == int(key):
            never = [name for name, at in (("commune-000", 7), ("ordre-000", 10)) if digits[at : at + 3] == b"000"]
            detail = " ".join((salted(digits + key), *never))
            yield Hit(found.start(), found.end(), "NIR (numéro de sécurité sociale)", detail)


def nir_key(number: str) -> int:
    """The control key of the 13 first characters of a NIR (Corsica's 2A and 2B included)."""
    return 97 - int(number.replace("2A", "19").replace("2B", "18")) % 97


def _ibans(content: bytes) -> Iterator[Hit]:
    for found in _IBAN.finditer(content):
        compact = found[1].replace(b" ", b"")
        if _IBAN_LENGTHS.get(compact[:2]) == len(compact) and iban_valid(compact.decode()):
            detail = f"{salted(compact)} {compact[:2].decode()}-{compact[4:9].decode()}"
            yield Hit(found.start(), found.end(), "IBAN (compte bancaire)", detail)


def iban_valid(compact: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right."""
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
