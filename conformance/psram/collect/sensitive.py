"""Secrets and personal data in any text. The value found is never kept: marks say where and of which kind.

``excerpt`` (for fingerprints) is the line with every value masked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from psram.facts import Mark

_MAX_MARKS: Final = 200
_TOKENS: Final = (
    ("clé privée", re.compile(rb"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----")),
    ("jeton de forge", re.compile(rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,64}")),
    ("jeton de forge", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,90})")),
    ("clé d'accès infonuagique", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("clé d'accès infonuagique", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("jeton de messagerie", re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{10,80}")),
    ("clé de paiement", re.compile(rb"\b[sr]k_live_[0-9A-Za-z]{20,60}")),
    ("jeton JWT", re.compile(rb"\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{20,1000}")),
)
_DSN: Final = re.compile(
    rb"\b([a-z][a-z0-9+]{1,20})://([^\s:@/'\"<>{}$%]{0,64}):([^\s@/'\"<>]{3,128})@([^\s/'\"?#,]{1,200})"
)
_ASSIGNED: Final = re.compile(
    rb"(?i)(password|passwd|mot_?de_?passe|secret|token|api_?key|cle_?api|access_?key|private_?key)"
    rb"[A-Za-z0-9_]{0,20}['\"]?\s{0,8}(?:=>|:=|[:=])\s{0,8}(['\"]?)([^\s'\"#,;)]{12,200})\2"
)
_HINT: Final = re.compile(
    rb"(?i)PRIVATE KEY|gl[a-z]{2,4}-|gh[pousr]_|github_pat|AKIA|ASIA|AIza|xox|k_live_|eyJ|://|passw|secret|token|key|mot_?de_?passe|cle_?api"
)
_PLACEHOLDER: Final = re.compile(
    rb"(?i)change.?me|changez|a.?remplacer|exemple|example|sample|dummy|fake|factice|fictif|placeholder|xxx|\*\*\*|todo"
    rb"|^!|^<|^\$|^%|^\{|\$\{|\{\{|%env|env\(|your|votre|not.?a|insecure|^(?:test|secret|password|motdepasse|postgres|app|root|user|guest|admin)[0-9]{0,4}$"
)
_LOCAL_HOSTS: Final = (b"localhost", b"127.0.0.1", b"[::1]", b"0.0.0.0")
_MIN_ENTROPY_BITS: Final = 3.3

_NIR: Final = re.compile(
    rb"(?<![0-9A-Za-z.])([1-478][ .]?[0-9]{2}[ .]?(?:0[1-9]|1[0-2]|[2-9][0-9])[ .]?"
    rb"(?:[0-9]{2}|2[ABab])[ .]?[0-9]{3}[ .]?[0-9]{3})[ .]?([0-9]{2})(?![0-9A-Za-z])"
)
_IBAN: Final = re.compile(
    rb"(?<![0-9A-Za-z])([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?![0-9A-Za-z])"
)
_IBAN_LENGTHS: Final = {
    b"FR": 27,
    b"MC": 27,
    b"DE": 22,
    b"BE": 16,
    b"ES": 24,
    b"IT": 27,
    b"LU": 20,
    b"CH": 21,
    b"GB": 22,
    b"NL": 18,
    b"PT": 25,
}
# Published in standards and manuals: nobody's.
_DOCUMENTED: Final = frozenset(
    {
        *(b"FR1420041010050500013M02606", b"FR7630006000011234567890189", b"DE89370400440532013000"),
        *(b"GB82WEST12345698765432", b"GB29NWBK60161331926819", b"BE71096123456769", b"NL91ABNA0417164300"),
        *(b"ES9121000418450200051332", b"IT60X0542811101000000123456", b"CH9300762011623852957", b"255081416802538"),
    }
)


def secrets(content: bytes) -> tuple[Mark, ...]:
    """Places that hold what looks like a real secret."""
    if _HINT.search(content) is None:
        return ()
    found: list[_Hit] = []
    for hit in (*_tokens(content), *_dsns(content), *_assigned(content)):
        if not any(hit[0] < end and start < hit[1] for start, end, _name in found[-_MAX_MARKS:]):
            found.append(hit)  # the most precise kind speaks for a value
    return _marks(content, "secret", found)


def personal(content: bytes) -> tuple[Mark, ...]:
    """Places that hold a social security number or a bank account number whose control key is right."""
    return _marks(content, "personal", [*_nirs(content), *_ibans(content)])


_Hit = tuple[int, int, str]


def _tokens(content: bytes) -> Iterator[_Hit]:
    for kind, pattern in _TOKENS:
        for found in pattern.finditer(content):
            if _PLACEHOLDER.search(found[0]) is None:
                yield found.start(), found.end(), kind


def _dsns(content: bytes) -> Iterator[_Hit]:
    for found in _DSN.finditer(content):
        user, password, host = found[2], found[3], found[4]
        local = host.rpartition(b":")[0] in _LOCAL_HOSTS or host in _LOCAL_HOSTS
        if password != user and not local and _PLACEHOLDER.search(password) is None and b"example" not in host:
            yield found.start(3), found.end(3), "mot de passe dans une adresse de connexion"


def _assigned(content: bytes) -> Iterator[_Hit]:
    for found in _ASSIGNED.finditer(content):
        value = found[3]
        before = content[max(found.start() - 4, 0) : found.start()].upper()
        if before == b"APP_" and found[1].upper() == b"SECRET":
            continue  # Symfony's own secret is the matter of SYM-004
        if _PLACEHOLDER.search(value) is None and _looks_random(value):
            yield found.start(3), found.end(3), "secret en clair"


def _looks_random(value: bytes) -> bool:
    """Whether a value is more like a key than like a word, a path, a class or an identifier."""
    if re.search(rb"[/\\:()\[\]{}<>|$]|->|\.\w+\.", value) or not re.search(rb"[0-9]", value):
        return False
    if not re.search(rb"[A-Za-z]", value):
        return False
    counts = [value.count(byte) for byte in set(value)]
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return entropy >= _MIN_ENTROPY_BITS


def _nirs(content: bytes) -> Iterator[_Hit]:
    for found in _NIR.finditer(content):
        digits = re.sub(rb"[ .]", b"", found[1]).upper()
        if digits + found[2] not in _DOCUMENTED and nir_key(digits.decode()) == int(found[2]):
            yield found.start(), found.end(), "NIR (numéro de sécurité sociale)"


def nir_key(number: str) -> int:
    """The control key of the 13 first characters of a NIR (Corsica's 2A and 2B included)."""
    return 97 - int(number.replace("2A", "19").replace("2B", "18")) % 97


def _ibans(content: bytes) -> Iterator[_Hit]:
    for found in _IBAN.finditer(content):
        compact = found[1].replace(b" ", b"")
        if (
            _IBAN_LENGTHS.get(compact[:2]) == len(compact)
            and compact not in _DOCUMENTED
            and iban_valid(compact.decode())
        ):
            yield found.start(), found.end(), "IBAN (compte bancaire)"


def iban_valid(compact: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right."""
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _marks(content: bytes, kind: str, hits: list[_Hit]) -> tuple[Mark, ...]:
    """Marks of the hits, one per line and kind, excerpts masked."""
    if not hits:
        return ()
    masked = bytearray(content)
    for start, end, _name in hits:
        masked[start:end] = b"#" * (end - start)
    lines = bytes(masked).split(b"\n")
    found = set()
    for start, _end, name in hits:
        line = content.count(b"\n", 0, start) + 1
        excerpt = "".join(re.sub(rb"#+", b"#", lines[line - 1][:2000]).decode("utf-8", "replace").split())[:400]
        found.add(Mark(line, kind, name, "", excerpt))
    return tuple(sorted(found)[:_MAX_MARKS])
