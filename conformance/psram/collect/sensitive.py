"""Secrets in any text. The value found is never kept: marks say where, of which kind, and a short salted print of it.

One pass over a content says which of these could be in it (:mod:`psram.collect.sieve`): most have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.collect import assigned
from psram.collect.assigned import is_placeholder
from psram.collect.masking import MAX_MARKS, Hit, marks
from psram.collect.personal_data import PATTERNS, iban_valid, nir_key, personal
from psram.collect.secret_forms import FORMS
from psram.collect.sieve import Sieve
from psram.facts import Mark
from psram.fictitious import salted

__all__ = ["iban_valid", "nir_key", "personal", "secrets"]

_DSN: Final = re.compile(rb"://([^\s:@/'\"<>{}$%()?\[\]]{0,64}):([^\s@/'\"<>()?\[\]]{3,128})@([^\s/'\"?#,]{1,200})")
_SCHEME: Final = re.compile(rb"[a-z][a-z0-9+]{1,20}\Z")
_LOCAL_HOSTS: Final = (b"localhost", b"127.0.0.1", b"[::1]", b"0.0.0.0")
_ADDRESSED: Final = rb"://[^\s@/]+@"
SIEVE: Final = Sieve(
    (
        *(form.head for form in FORMS),
        _ADDRESSED,
        *assigned.PATTERNS,
        *PATTERNS,
    ),
    memory_mib=2,
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
    for form in FORMS:
        if form.head in held:
            for found in form.pattern.finditer(content):
                if not is_placeholder(found[0]):
                    yield _hit(content, found.start(), found.end(), form.kind)


def _dsns(content: bytes, held: frozenset[bytes]) -> Iterator[Hit]:
    if _ADDRESSED not in held:
        return
    for found in _DSN.finditer(content):
        user, password, host = found[1], found[2], found[3]
        if _SCHEME.search(content, max(found.start() - 21, 0), found.start()) is None:
            continue
        local = host.rpartition(b":")[0] in _LOCAL_HOSTS or host in _LOCAL_HOSTS
        if password != user and not local and not is_placeholder(password) and b"example" not in host:
            yield _hit(content, found.start(2), found.end(2), "mot de passe dans une adresse de connexion")


def _assigned(content: bytes, held: frozenset[bytes]) -> Iterator[Hit]:
    for start, end in assigned.spans(content, held):
        yield _hit(content, start, end, "secret en clair")
