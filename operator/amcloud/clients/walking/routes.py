"""The routes of an application as ``debug:router --format=json`` lists them, and addresses that lead to a record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

MOST_ROUTES: Final = 300
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_ADDRESSES: Final = 8
"""Addresses tried for one route."""
_LONGEST = 300
_PARAMETER: Final = re.compile(r"\{!?(\w+)(?:<[^>]*>)?(?:\?[^}]*)?\}")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMATS: Final = ("_locale", "_format")
_ALIKE: Final = 4
"""Letters that a path and a table's name share when they speak of the same thing: ``/pieces``, ``piece_jointe``."""

Names = Mapping[str, Any]
"""A record: its values by column."""


class UnreadableError(Exception):
    """The list of routes is no such list; the text is French."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route and one method. ``requirements`` are PHP's regular expressions by parameter."""

    method: str
    path: str
    requirements: Mapping[str, str]
    defaults: Mapping[str, str]

    @property
    def reads(self) -> bool:
        """Whether it only reads, by its method."""
        return self.method in _READING

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of what its path leaves open."""
        return tuple(_PARAMETER.findall(self.path))

    def matches(self, path: str) -> bool:
        """Whether an address without its query is of this route."""
        pattern = "[^/]+".join(map(re.escape, _PARAMETER.split(self.path)[::2]))
        return re.fullmatch(pattern, path) is not None


def parse(text: str) -> tuple[Route, ...]:
    """The routes in what the command printed, those that read first, without development tools.

    Raises:
        UnreadableError: it is no list of routes.
    """
    try:
        found = json.loads(text[text.index("{") :]) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise UnreadableError("la liste des routes est illisible") from error
    if not isinstance(found, dict):
        raise UnreadableError("la liste des routes n'en est pas une")
    routes = {(one.method, one.path): one for entry in found.values() for one in _routes(entry)}
    if len(routes) > MOST_ROUTES:
        raise UnreadableError(f"l'application a plus de {MOST_ROUTES} routes")
    return tuple(sorted(routes.values(), key=lambda one: (not one.reads, len(one.parameters), one.path, one.method)))


def addresses(route: Route, records: Sequence[tuple[str, Names]]) -> tuple[str, ...]:
    """Addresses of the route for these records (table and values), those that it most likely means first."""
    if not route.parameters:
        return (route.path,)
    ordered = sorted(records, key=lambda record: -_alike(route.path, record[0]))
    found = dict.fromkeys(filter(None, (_filled(route, table, names, records) for table, names in ordered)))
    return tuple(found)[:MOST_ADDRESSES]


def _routes(entry: Any) -> Iterator[Route]:
    if not isinstance(entry, dict) or not isinstance(path := entry.get("path"), str) or len(path) > _LONGEST:
        return
    if not path.startswith("/") or path.startswith("/_"):  # Symfony's own: the profiler, error pages
        return
    methods = str(entry.get("method") or "ANY")
    named = ("GET", "POST") if methods == "ANY" else tuple(methods.split("|"))
    for method in named:
        if re.fullmatch("[A-Z]{3,7}", method) and method not in {"HEAD", "OPTIONS"}:
            yield Route(method, path, _texts(entry.get("requirements")), _texts(entry.get("defaults")))


def _texts(found: Any) -> dict[str, str]:
    pairs = found.items() if isinstance(found, dict) else ()
    return {
        str(name): str(value) for name, value in pairs if isinstance(value, str | int) and len(str(value)) < _LONGEST
    }


def _filled(route: Route, table: str, names: Names, records: Sequence[tuple[str, Names]]) -> str | None:
    """The route's address for that record; ``None`` where it fits no requirement."""
    path = route.path
    for parameter in route.parameters:
        value = _value(route, parameter, table, names, records)
        if value is None or not _fits(value, route.requirements.get(parameter, "")):
            return None
        path = _PARAMETER.sub(quote(value, safe=""), path, count=1)
    return path


def _value(route: Route, parameter: str, table: str, names: Names, records: Sequence[tuple[str, Names]]) -> str | None:
    """What a parameter may stand for: a default, another table's key by its name, a column, or the record's key."""
    if parameter in _FORMATS:
        return route.defaults.get(parameter) or route.requirements.get(parameter, "").split("|")[0] or None
    snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", parameter).lower()
    of_table = snake.removesuffix("_id").removesuffix("id") if snake != "id" else ""
    for other, values in records if of_table and of_table != table else ():
        if other == of_table:
            return _text(values.get("id"))
    if snake in names:
        return _text(names[snake])
    return _text(names.get("id", next(iter(names.values()), None)))


def _text(value: Any) -> str | None:
    text = "" if value is None or isinstance(value, bytes | bool) else str(value).strip()
    return text[:64] or None


def _fits(value: str, requirement: str) -> bool:
    try:
        return not requirement or re.fullmatch(requirement, value) is not None
    except re.error:
        return True  # PHP's expressions are not all Python's: the application itself will tell


def _alike(path: str, table: str) -> int:
    """How near the end of the path the table is named; 0 where it is not."""
    segments = enumerate(path.lower().split("/"), start=1)
    return max((at for at, segment in segments if segment and segment[:_ALIKE] == table[:_ALIKE]), default=0)
