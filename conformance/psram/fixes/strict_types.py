"""``declare(strict_types=1);`` right after the opening tag."""

from __future__ import annotations

import re
from typing import Final

from psram.model import Finding

_OPENING: Final = re.compile(rb"(#![^\n]*\n)?<\?php[ \t]*(\r?\n)", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"strict_types", re.IGNORECASE)


def fix(content: bytes, findings: tuple[Finding, ...]) -> bytes | None:
    """The file with the declaration; by hand where one is there already, or where something precedes PHP."""
    opening = _OPENING.match(content)
    if opening is None or _DECLARED.search(content):
        return None
    end = opening[2]
    rest = content[opening.end() :]
    gap = b"" if rest.startswith((b"\n", b"\r\n")) else end
    return opening[0] + end + b"declare(strict_types=1);" + end + gap + rest
