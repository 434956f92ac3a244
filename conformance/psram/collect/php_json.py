"""Writes JSON as PHP's ``json_encode`` does, to the byte: what Composer hashes. Verified against the real Composer."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, Final

_INT_MAX: Final = 2**63
_EXPONENT_FROM: Final = 1e17
"""PHP writes whole numbers from there on with an exponent."""


def dumps(value: Any) -> str:
    """``json_encode(json_decode($text, true))``: empty objects and 0…n keys become lists.

    Raises:
        ValueError: PHP could not encode it either (an infinite number).
    """
    if isinstance(value, dict) and _is_list(list(value)):
        value = list(value.values())
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT_MAX <= value < _INT_MAX:
        value = float(value) if value.bit_length() <= 1024 else math.inf  # noqa: PLR2004  a double's largest exponent
    return _float(value) if isinstance(value, float) else json.dumps(value)


def _is_list(keys: list[str]) -> bool:
    return keys == [str(i) for i in range(len(keys))]


def _string(text: str) -> str:
    return json.dumps(text).replace("/", "\\/").replace("\\u007f", "\x7f")


def _float(number: float) -> str:
    if not math.isfinite(number):
        raise ValueError(number)
    if number == int(number) and abs(number) < _EXPONENT_FROM:
        return "-0" if str(number) == "-0.0" else f"{Decimal(repr(number)):.0f}"
    digits, _, exponent = repr(number).partition("e")
    if not exponent:
        return digits
    return f"{digits if '.' in digits else digits + '.0'}e{int(exponent):+d}"
