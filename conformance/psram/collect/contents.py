"""What is drawn from one content: bytes in, facts out. Hostile until read: only workers and tests call it."""

from __future__ import annotations

from typing import Final

from psram.collect import flat_data, neon_data, personal_data, php, sensitive, sql_data, web_data, yaml_data
from psram.collect.reading import Reading, State
from psram.facts import BlobFacts, DataFacts
from psram.roles import Role

_LINK_MAX_BYTES: Final = 4096
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
    """The facts of one content under all of its roles."""
    return BlobFacts(
        php=php.facts(content) if Role.PHP in asked else None,
        data=_data(content, asked),
        sql=sql_data.facts(content) if Role.SQL in asked else (),
        secrets=sensitive.secrets(content) if Role.TEXT in asked else (),
        personal=sensitive.personal(content) if Role.TEXT in asked else (),
        literals=flat_data.twig(content) if Role.TWIG in asked else (),
        remote=web_data.facts(content) if Role.WEB in asked else (),
        emails=personal_data.emails(content) if Role.SAMPLE in asked else (),
    )


_READERS: Final = (
    (Role.YAML, yaml_data.facts),
    (Role.DOTENV, flat_data.dotenv),
    (Role.DOCKERFILE, flat_data.dockerfile),
    (Role.NEON, neon_data.facts),
)


def _data(content: bytes, asked: frozenset[Role]) -> DataFacts | None:
    return next((read(content) for role, read in _READERS if role in asked), None)
