"""Reads a JSON file as PHP does, or says in French why it cannot be read; never raises, whatever the bytes."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_NESTING: Final = 256
"""PHP gives up at 512; nothing written by a person or by Composer comes near either."""

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPED: Final = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<alone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def read(raw: bytes, name: str) -> tuple[dict[str, Any] | None, str]:  # noqa: PLR0911  one line a reason
    """The object that the file holds and ``""``, or ``None`` and why it cannot be used."""
    if len(raw) > MAX_BYTES:
        return None, f"{name} dépasse {MAX_BYTES // 1024 // 1024} Mio"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, f"{name} n'est pas en UTF-8 (octet {error.start})"
    if text.startswith("\ufeff"):
        return None, f"{name} commence par une marque (BOM) que Composer refuse : enregistrez-le en UTF-8 sans BOM"
    if not text.strip():
        return None, f"{name} est vide"
    if _nests_too_deep(text):
        return None, f"{name} imbrique plus de {MAX_NESTING} niveaux"
    try:
        content = json.loads(text, parse_constant=_refused)
    except json.JSONDecodeError as error:
        return None, f"{name} n'est pas du JSON valide (ligne {error.lineno})"
    except (ValueError, RecursionError):
        return None, f"{name} n'est pas du JSON lisible"
    if any(found["alone"] for found in _ESCAPED.finditer(text)):
        return None, f"{name} contient un caractère Unicode incomplet (« \\ud8.. » sans sa seconde moitié)"
    if not isinstance(content, dict):
        return None, f"{name} n'est pas un objet JSON"
    return content, ""


def _refused(constant: str) -> NoReturn:
    """``NaN`` and ``Infinity``, which Python reads, are not JSON."""
    raise ValueError(constant)


def _nests_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for found in re.finditer(r"[\[\]{}]", _STRING.sub("", text)):
        depth = depth + 1 if found[0] in "[{" else depth - 1
        if depth > MAX_NESTING:
            return True
    return False
