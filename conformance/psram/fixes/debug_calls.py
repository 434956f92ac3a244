"""Debugging calls that stand alone on their lines (``var_dump``, ``dump``, ``dd``…) are taken out with their line."""

from __future__ import annotations

import re
from typing import Final

from psram.model import Finding

_NAMES: Final = rb"var_dump|dump|dd|print_r|var_export|phpinfo|debug_zval_refcount"
_ALONE: Final = re.compile(
    rb"[ \t]*(?:"
    + _NAMES
    + rb")\s*\((?:[^()'\"\\;\n]|'[^'\\\n]*'|\"[^\"\\$\n]*\"|\([^()'\"\\;\n]*\))*\);[ \t]*\r?\n?\Z",
    re.IGNORECASE,
)


def fix(content: bytes, findings: tuple[Finding, ...]) -> bytes | None:
    """The file without these lines; a call that does more than stand alone on its line is left to a person."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+\Z", content)
    gone = {f.line - 1 for f in findings if 0 < f.line <= len(lines) and _may_go(lines, f.line - 1)}
    if not gone:
        return None
    return b"".join(line for number, line in enumerate(lines) if number not in gone)


def _may_go(lines: list[bytes], number: int) -> bool:
    """Whether the line is such a call alone, and no branch without braces has it for its only statement."""
    if not _ALONE.match(lines[number]):
        return False
    before = next((line.strip() for line in reversed(lines[:number]) if line.strip()), b"")
    return before.endswith((b"{", b"}", b";", b"*/", b"<?php")) or before.startswith((b"//", b"#"))
