"""Text from outside made fit for people's eyes: secrets masked, control characters gone, length bounded. Pure."""

from __future__ import annotations

import re

MASK = "***"
LINES_MAX = 10
CHARS_MAX = 600

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # userinfo of a URL or DSN: scheme://user:password@host
    (re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,200}:)[^\s/@]{1,400}@", re.I), rf"\g<head>{MASK}@"),
    (re.compile(r"(?P<head>\b(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]{8,4096}", re.I), rf"\g<head>{MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{2,4096}(?:\.[A-Za-z0-9_-]{0,2048})?"), MASK),
    (re.compile(r"\bgl[a-z]{2,6}-[A-Za-z0-9_-]{8,200}"), MASK),
    (
        re.compile(
            r"(?P<head>(?:password|passwd|pwd|secret|token|api[_-]?key|mot[ _]de[ _]passe)"
            r"\w{0,20}[\"']?\s{0,3}[=:]\s{0,3})"
            r"(?:\"[^\"]{1,400}\"|'[^']{1,400}'|[^\s,;&\"']{1,400})",
            re.I,
        ),
        rf"\g<head>{MASK}",
    ),
)


def mask(text: str) -> str:
    """``text`` with what looks like a credential replaced by ``***``."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str, *, chars: int = 255) -> str:
    """``text`` masked, on one line, at most ``chars`` characters."""
    flat = " ".join(_printable(mask(text)).split())
    return flat if len(flat) <= chars else flat[: chars - 1] + "…"


def last_lines(text: str, *, lines: int = LINES_MAX, chars: int = CHARS_MAX, joined: str = " | ") -> str:
    """The end of a log, masked: at most ``lines`` lines and ``chars`` characters, joined as said."""
    # masked before it is cut: a cut in the middle of a credential would hide it from the rules
    found = [" ".join(_printable(line).split()) for line in mask(text[-65536:]).splitlines()]
    kept = joined.join([line for line in found if line][-lines:])
    return kept if len(kept) <= chars else "…" + kept[-(chars - 1) :]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
