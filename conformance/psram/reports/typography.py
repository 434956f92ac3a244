"""French spaces of a page: a quotation mark or a colon never stands alone at the end or the start of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_TAG: Final = re.compile(r"(<[^>]*>)")
_NAME: Final = re.compile(r"<(/?)([a-z0-9]+)")
_BEFORE: Final = re.compile(r" (?=[»:;?!](?:[\s<,.)]|$))")
_AFTER: Final = re.compile(r"« ")
AS_WRITTEN: Final = frozenset({"code", "pre", "style", "title"})
"""Elements whose text is copied, or read by machines: not a space of it changes."""


def spaced(page: str) -> str:
    """The page with no-break spaces where French asks for them; tags, attributes and code stay as they are.

    ``page`` is well formed, and every ``<`` of its texts is escaped.
    """
    return "".join(_parts(page))


def _parts(page: str) -> Iterator[str]:
    depth = 0
    for number, part in enumerate(_TAG.split(page)):
        if number % 2:
            name = _NAME.match(part)
            if name is not None and name[2] in AS_WRITTEN:
                depth += -1 if name[1] else 1
            yield part
        else:
            yield part if depth else _AFTER.sub(f"«{NO_BREAK}", _BEFORE.sub(NO_BREAK, part))
