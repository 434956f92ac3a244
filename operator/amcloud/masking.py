"""Text from outside made fit for people's eyes: secrets and personal data masked, control characters gone. Pure.

What is looked for has a shape of its own: credentials, and in journals social security numbers, bank accounts, e-mail
addresses and telephone numbers. A name has none and stays: an application must not log it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
PERSONAL = "[donnée personnelle]"
SECRET_SHORTEST = 6
"""Values of secrets shorter than this are not looked for: they would mask half of the text."""
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

_GAP = r"[ .\-\u00a0\u202f]?"
# sex, year, month (or a fictive one), department (Corsica too), commune, rank, and mostly the key
_NIR = re.compile(
    rf"(?<![\w.-])[123478]{_GAP}\d{{2}}{_GAP}(?:0[1-9]|1[0-2]|[23]\d|4[0-2]|[5-9]\d){_GAP}(?:\d{{2}}|2[AB]){_GAP}"
    rf"\d{{3}}{_GAP}\d{{3}}(?:{_GAP}\d{{2}})?(?![\w])",
    re.I,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)", re.I)
_MAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?!\w)", re.I)
_PHONE = re.compile(r"(?<![\w.,:/-])(?:\+33|0033|0)[ .-]?(?:\(0\)[ ]?)?[1-9](?:[ .-]?\d{2}){4}(?!\w)")
_IBAN_REMAINDER = 1


def mask(text: str) -> str:
    """``text`` with what looks like a credential replaced by ``***``."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def mask_personal(text: str) -> str:
    """``text`` with what looks like personal data replaced: NIR, IBAN (its key is checked), e-mail, telephone."""
    text = _MAIL.sub(PERSONAL, text)
    text = _IBAN.sub(lambda found: PERSONAL if _is_iban(found[0]) else found[0], text)
    text = _NIR.sub(PERSONAL, text)
    return _PHONE.sub(PERSONAL, text)


def mask_values(text: str, values: Iterable[str]) -> str:
    """``text`` without these very values: what an instance's own secrets hold."""
    for value in sorted({one for one in values if len(one) >= SECRET_SHORTEST}, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def journal(text: str, values: Iterable[str] = ()) -> str:
    """Lines of a journal as people may read them: secrets, personal data and control characters gone, lines kept."""
    safe = mask_personal(mask(mask_values(text, values)))
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in safe)


def one_line(text: str, *, chars: int = 255) -> str:
    """``text`` masked, on one line, at most ``chars`` characters."""
    flat = " ".join(_printable(mask(text)).split())
    return flat if len(flat) <= chars else flat[: chars - 1] + "…"


def last_lines(text: str, *, lines: int = LINES_MAX, chars: int = CHARS_MAX, joined: str = " | ") -> str:
    """The end of a log, secrets and personal data masked: at most ``lines`` lines and ``chars`` characters, joined."""
    # masked before it is cut: a cut in the middle of a credential would hide it from the rules
    found = [" ".join(_printable(line).split()) for line in mask_personal(mask(text[-65536:])).splitlines()]
    kept = joined.join([line for line in found if line][-lines:])
    return kept if len(kept) <= chars else "…" + kept[-(chars - 1) :]


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "").replace("-", "").upper()
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == _IBAN_REMAINDER


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
