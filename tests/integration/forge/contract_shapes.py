"""Does a JSON answer have the shape that a contract says? A small language, so that contracts read like GitLab's pages.

``integer string boolean number time url sha object any``, ``|null`` after it where null may stand; ``[x]`` a list of
it; a mapping, fields by name, ``*`` after a name that may be absent; ``shape`` or ``page.shape`` another shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final


def _time(value: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


SCALARS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "any": lambda _: True,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "sha": lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40}", value) is not None,
    "string": lambda value: isinstance(value, str),
    "time": _time,
    "url": lambda value: isinstance(value, str) and "://" in value,
}


def complaints(
    found: Any, wanted: Any, *, page: str, shapes: Mapping[str, Any], strict: bool, at: str = "$"
) -> list[str]:
    """How ``found`` is not ``wanted``; with ``strict``, also each field that nobody described."""
    return list(_check(found, wanted, page, shapes, strict, at))


def _check(found: Any, wanted: Any, page: str, shapes: Mapping[str, Any], strict: bool, at: str) -> Iterator[str]:
    if isinstance(wanted, str):
        yield from _named(found, wanted, page, shapes, strict, at)
    elif isinstance(wanted, list):
        if not isinstance(found, list):
            yield f"{at}: a list is expected, not {found!r:.60}"
            return
        for number, one in enumerate(found):
            yield from _check(one, wanted[0], page, shapes, strict, f"{at}[{number}]")
    else:
        yield from _object(found, wanted, page, shapes, strict, at)


def _named(found: Any, wanted: str, page: str, shapes: Mapping[str, Any], strict: bool, at: str) -> Iterator[str]:
    name = wanted.removesuffix("|null")
    if found is None and (wanted.endswith("|null") or name == "any"):
        return
    if name in SCALARS:
        if not SCALARS[name](found):
            yield f"{at}: {wanted} is expected, not {found!r:.60}"
        return
    whole = name if "." in name else f"{page}.{name}"
    yield from _check(found, shapes[whole]["fields"], whole.partition(".")[0], shapes, strict, at)


def _object(
    found: Any, wanted: Mapping[str, Any], page: str, shapes: Mapping[str, Any], strict: bool, at: str
) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{at}: an object is expected, not {found!r:.60}"
        return
    fields = {name.removesuffix("*"): (what, name.endswith("*")) for name, what in wanted.items()}
    for name, (what, optional) in fields.items():
        if name in found:
            yield from _check(found[name], what, page, shapes, strict, f"{at}.{name}")
        elif not optional:
            yield f"{at}.{name}: missing"
    if strict:
        yield from (f"{at}.{name}: nobody described it" for name in found if name not in fields)
