"""What is drawn from one content: bytes in, facts out. Hostile until read: only workers and tests call it."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from psram.collect import masking, personal_data, sensitive
from psram.collect.reading import Reading, State
from psram.facts import BlobFacts, DataFacts
from psram.roles import Role

_SMALL_BYTES: Final = 16 * 1024
_LINK_MAX_BYTES: Final = 4096
_DECLARED: Final = b"valeurs_fictives"
_BEGINS_AS_PHP: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:#![^\n]{0,200}\n)?\s{0,200}<\?(?:php|=)", re.IGNORECASE)
_UNNAMED_OR_PHP: Final = frozenset({Role.TEXT, Role.SAMPLE, Role.WEB, Role.PHP})
_NONE: Final[frozenset[bytes]] = frozenset()
_NOTHING: Final = BlobFacts()


def read(content: bytes | None, asked: frozenset[Role], *, link: bool = False) -> Reading:
    """What this content (``None``: the repository lacks it) gives under all of its roles; never raises."""
    if content is None:
        return Reading(State.MISSING)
    target = content[:_LINK_MAX_BYTES].decode("utf-8", "backslashreplace") if link else ""
    if not asked:
        return Reading(State.READ, target=target)
    if is_binary(content):
        return Reading(State.BINARY, target=target)
    facts = extract(content, asked)
    return Reading(State.READ, None if facts == _NOTHING else facts, target)


def is_binary(content: bytes) -> bool:
    """Whether git would call this content binary: a NUL in its first 8,000 bytes."""
    return b"\0" in content[:8000]


def extract(content: bytes, asked: frozenset[Role]) -> BlobFacts:
    """The facts of one content under all of its roles. Readers are loaded when their role is first asked for.

    No value of a secret or personal number is in any of them: the others read the content with these masked.
    """
    held = sensitive.SIEVE.held(content) if Role.TEXT in asked else _NONE
    secrets = sensitive.hits(content, held) if held else []
    numbers = personal_data.hits(content, held) if held else []
    addresses = personal_data.email_hits(content) if Role.SAMPLE in asked else []
    hits = [*secrets, *numbers, *addresses]
    shown = masking.masked(content, hits) if hits else content
    found: dict[str, Any] = {
        "secrets": masking.marks(content, "secret", secrets, shown=shown),
        "personal": masking.marks(content, "personal", numbers, shown=shown),
        "emails": masking.marks(content, "email", addresses, shown=shown),
    }
    begins = asked <= _UNNAMED_OR_PHP and _BEGINS_AS_PHP.match(content) is not None
    if Role.PHP in asked or begins:
        from psram.collect import php

        found["php"] = php.facts(shown)
        found["begins_as_php"] = begins
    if Role.SQL in asked:
        from psram.collect import sql_codes, sql_data

        found["sql"] = sql_data.facts(shown)
        found["literals"] = sql_codes.organisations(shown)
    if Role.TWIG in asked:
        from psram.collect import flat_data

        found["literals"] = flat_data.twig(shown)
    if Role.WEB in asked:
        from psram.collect import web_data

        found["remote"] = web_data.facts(shown)
        if Role.TWIG not in asked and Role.PHP not in asked:
            found["literals"] = (*found.get("literals", ()), *web_data.organisations(shown))
    # the file that declares values as fictitious is read as it is: they are compared with what was found
    found["data"] = _data(content if hits and _DECLARED in content else shown, asked)
    if len(content) <= _SMALL_BYTES and b"\r\n" in content:
        found["with_lf"] = _git_id(content.replace(b"\r\n", b"\n"))
    return BlobFacts(**found)


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _data(content: bytes, asked: frozenset[Role]) -> DataFacts | None:
    if Role.YAML in asked:
        from psram.collect import yaml_data

        return yaml_data.facts(content)
    if Role.DOTENV in asked or Role.DOCKERFILE in asked:
        from psram.collect import flat_data

        return flat_data.dotenv(content) if Role.DOTENV in asked else flat_data.dockerfile(content)
    if Role.NEON in asked:
        from psram.collect import neon_data

        return neon_data.facts(content)
    return None
