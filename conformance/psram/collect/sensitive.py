"""Secrets in any text. The value found is never kept: marks say where, of which kind, and a short salted print of it.

One pass over a content says which of these could be in it (:mod:`psram.collect.sieve`): most have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.collect.chance import looks_random, looks_whole
from psram.collect.masking import MAX_MARKS, Hit, marks
from psram.collect.personal_data import PATTERNS, iban_valid, nir_key, personal
from psram.collect.sieve import Sieve, words
from psram.facts import Mark
from psram.fictitious import salted

__all__ = ["iban_valid", "nir_key", "personal", "secrets"]

_TOKENS: Final = (
    (
        "clé privée",
        b"PRIVATE KEY",
        re.compile(
            rb"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|['\".+,]){1,80}"
            rb"(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash)[^\n]{0,200}\s{1,40}){0,4}[A-Za-z0-9+/]{16,200}"
        ),
    ),
    # the same key in base64: its PEM form, or its binary one (PKCS#1, PKCS#8)
    (
        "clé privée",
        b"LS0tLS1CRUdJTi|MII",
        re.compile(
            rb"(?<![A-Za-z0-9+/])(?:LS0tLS1CRUdJTi[A-Za-z0-9+/]{3,16}(?:UFJJVkFURSBLRV|QUklWQVRFIEtFW|BSSVZBVEUgS0VZ)"
            rb"|MII[A-Za-z0-9+/]{3}IBA(?:AKC|DANBgkqhkiG9w0BAQEF))[A-Za-z0-9+/]{16,4000}"
        ),
    ),
    (
        "clé privée",
        b"PuTTY-User-Key",
        re.compile(rb"PuTTY-User-Key-File-\d: [^\0]{1,4000}?Private-Lines: \d+\s"),
    ),
    ("jeton de dépôt", b":_auth", re.compile(rb":_auth\s{0,4}=\s{0,4}[\"']?[A-Za-z0-9+/=_-]{12,400}")),
    (
        "jeton de forge",
        b"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-",
        re.compile(rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,64}"),
    ),
    (
        "jeton de forge",
        b"gh[pousr]_|github_pat",
        re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,90})"),
    ),
    ("clé d'accès infonuagique", b"AKIA|ASIA", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("clé d'accès infonuagique", b"AIza", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("jeton de messagerie", b"xox", re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{10,80}")),
    ("clé de paiement", b"k_live_", re.compile(rb"\b[sr]k_live_[0-9A-Za-z]{20,60}")),
    (
        "jeton JWT",
        b"eyJ",
        re.compile(rb"\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{20,1000}"),
    ),
)
_DSN: Final = re.compile(rb"://([^\s:@/'\"<>{}$%()?\[\]]{0,64}):([^\s@/'\"<>()?\[\]]{3,128})@([^\s/'\"?#,]{1,200})")
_SCHEME: Final = re.compile(rb"[a-z][a-z0-9+]{1,20}\Z")
_WORDS: Final = tuple(
    (word, words(word))
    for word in (
        *(b"password", b"passwd", b"mot_de_passe", b"motdepasse", b"mdp", b"secret", b"token", b"api_key", b"apikey"),
        *(b"api-key", b"cle_api", b"cleapi", b"access_key", b"accesskey", b"private_key", b"privatekey"),
    )
)
_ASSIGNED: Final = re.compile(
    rb"([a-z_-]{3,13}[a-z0-9_]{0,20})['\"]?\s{0,8}(?:=>|:=|[:=])\s{0,8}"
    rb"(?:(?P<quote>['\"])(?P<whole>[^\s'\"]{12,200})(?P=quote)|(?P<bare>[^\s'\"]{12,200}))"
)
_BARE: Final = re.compile(rb"[^#,;)]{12,200}")
"""How far a value goes that nothing ends."""
_SET: Final = re.compile(rb"[ \t]{0,8}(?:(?:export|ENV|ARG)[ \t]{1,4})?[A-Z][A-Z0-9_]{0,60}=")
"""What is before a value that goes to the end of its line: a variable of an environment."""
_AUTHORIZATION: Final = re.compile(
    rb"authorization['\"]?\s{0,8}(?:=>|[:=,])\s{0,8}['\"]?(?:basic|bearer)\s{1,4}([a-z0-9+/=._-]{16,500})"
)
_PLACEHOLDER: Final = re.compile(
    rb"(?i)change.?me|changez|a.?remplacer|exemple|example|sample|dummy|fake|factice|fictif|placeholder|xxx|\*\*\*|todo"
    rb"|^!|^<|^\$|^%|^\{|\$\{|\{\{|%env|env\(|your|votre|not.?a|insecure"
    rb"|^(?:test|secret|password|motdepasse|postgres|app|root|user|guest|admin)[0-9]{0,4}$"
)
_ABOUT: Final = re.compile(
    rb"_?(?:error|name|field|label|type|class|path|file|url|uri|ids?|ttl|header|param|parameter|column|pattern|regex)$"
)
_MADE_UP: Final = re.compile(rb"dummy|fake|exemple|example|sample|factice|fictif|placeholder")
_QUERIED: Final = re.compile(rb"[?&][a-z_-]{0,11}$")
_CONSTANT: Final = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_LOCAL_HOSTS: Final = (b"localhost", b"127.0.0.1", b"[::1]", b"0.0.0.0")
_ADDRESSED: Final = rb"://[^\s@/]+@"
_AUTHORIZED: Final = words(b"authorization")
SIEVE: Final = Sieve(
    (
        *(head for _kind, head, _pattern in _TOKENS),
        _ADDRESSED,
        _AUTHORIZED,
        *(held for _word, held in _WORDS),
        *PATTERNS,
    )
)


def secrets(content: bytes) -> tuple[Mark, ...]:
    """Places that hold what looks like a real secret; ``detail`` is the value's print."""
    return marks(content, "secret", hits(content, SIEVE.held(content)))


def hits(content: bytes, held: frozenset[bytes]) -> list[Hit]:
    """Where these values are, in a content that holds these patterns of :data:`SIEVE`."""
    found: list[Hit] = []
    for hit in (*_tokens(content, held), *_dsns(content, held), *_assigned(content, held)):
        if not any(hit.start < other.end and other.start < hit.end for other in found[-MAX_MARKS:]):
            found.append(hit)  # the most precise kind speaks for a value
    return found


def _hit(content: bytes, start: int, end: int, name: str) -> Hit:
    return Hit(start, end, name, salted(content[start:end]))


def _tokens(content: bytes, held: frozenset[bytes]) -> Iterator[Hit]:
    for kind, head, pattern in _TOKENS:
        if head in held:
            for found in pattern.finditer(content):
                if _PLACEHOLDER.search(found[0]) is None:
                    yield _hit(content, found.start(), found.end(), kind)


def _dsns(content: bytes, held: frozenset[bytes]) -> Iterator[Hit]:
    if _ADDRESSED not in held:
        return
    for found in _DSN.finditer(content):
        user, password, host = found[1], found[2], found[3]
        if _SCHEME.search(content, max(found.start() - 21, 0), found.start()) is None:
            continue
        local = host.rpartition(b":")[0] in _LOCAL_HOSTS or host in _LOCAL_HOSTS
        if password != user and not local and _PLACEHOLDER.search(password) is None and b"example" not in host:
            yield _hit(content, found.start(2), found.end(2), "mot de passe dans une adresse de connexion")


def _assigned(content: bytes, held: frozenset[bytes]) -> Iterator[Hit]:
    written = [word for word, pattern in _WORDS if pattern in held]
    if not written and _AUTHORIZED not in held:
        return
    lower = content.lower()
    tried: set[int] = set()
    for word in written:
        position = lower.find(word)
        while position >= 0:
            found = _ASSIGNED.match(lower, position)
            if found is not None and found.end(1) not in tried:
                tried.add(found.end(1))
                if not _is_name_only(lower, position, found):
                    yield from _value(content, found)
            position = lower.find(word, position + len(word))
    if _AUTHORIZED in held:
        for found in _AUTHORIZATION.finditer(lower):
            yield from _valued(content, *found.span(1), whole=True)


def _is_name_only(lower: bytes, position: int, found: re.Match[bytes]) -> bool:
    """Whether the name says that its value is no secret: Symfony's own (SYM-004 sees to it), a label, a sample."""
    before = lower[max(position - 12, 0) : position]
    if before.endswith(b"app_") and found[1] == b"secret":
        return True
    if _ABOUT.search(found[1]) or _MADE_UP.search(before):
        return True
    if _QUERIED.search(before):  # a parameter of a query: only in a whole address
        line = lower.rfind(b"\n", 0, position) + 1
        return b"://" not in lower[line:position]
    return False


def _value(content: bytes, found: re.Match[bytes]) -> Iterator[Hit]:
    """The value of an assignment: between its quotes, to the end of a variable's line, or as far as it may go."""
    if found["quote"]:
        yield from _valued(content, *found.span("whole"), whole=True)
        return
    start, end = found.span("bare")
    if _SET.fullmatch(content, content.rfind(b"\n", 0, start) + 1, start):
        yield from _valued(content, start, end, whole=True)
    elif (bare := _BARE.match(content, start, end)) and not _CONSTANT.fullmatch(bare[0]):
        yield from _valued(content, start, bare.end())


def _valued(content: bytes, start: int, end: int, *, whole: bool = False) -> Iterator[Hit]:
    """``whole`` says that the value is known to its end, so that any character may be in it."""
    value = content[start:end]
    if _PLACEHOLDER.search(value) is None and (looks_random(value) or (whole and looks_whole(value))):
        yield _hit(content, start, end, "secret en clair")
