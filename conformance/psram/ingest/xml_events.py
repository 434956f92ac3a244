"""One walk over hostile XML: no document type, no entity, bounded depth, nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from psram.errors import UsageError

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 200
Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


class RefusedError(ValueError):
    """What a handler raises on a document that it does not want."""


def walk(content: bytes, *, roots: frozenset[str], start: Start, end: End, what: str) -> None:
    """Call ``start`` and ``end`` for each element of a document whose root is one of ``roots``.

    Raises:
        UsageError: not such a document; ``what`` names it in French (« le rapport JUnit »).
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"{what} est trop grand")
    parser = expat.ParserCreate()
    depth = 0

    def opened(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH or (depth == 1 and tag not in roots):
            raise RefusedError(tag)
        start(tag, attributes)

    def closed(tag: str) -> None:
        nonlocal depth
        depth -= 1
        end(tag)

    def doctype(_name: str, _system: str | None, _public: str | None, declares: int) -> None:
        # PHPUnit names Cobertura's public document type; expat fetches none, and one that declares nothing is harmless
        if declares:
            raise RefusedError("DOCTYPE")

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        raise UsageError(f"{what} n'est pas du XML lisible, ou n'est pas ce qu'il dit être") from error
