"""What a walk over an application's routes saw, as values, in one bounded message, and in words. Pure.

The walk is in :mod:`amcloud.clients.walking`: two synthetic organisations ask for each other's records over HTTP.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

MESSAGE_MOST: Final = 4096
"""Characters that Kubernetes keeps of a container's last message."""
TEXT_MOST: Final = 1024 * 1024
LISTED: Final = 60
"""Routes that a status lists."""
NAMED: Final = 3
"""Routes that a sentence names before it counts the others."""
_MARK: Final = "amcloud-walk/1 "
_PATH_MOST, _WHY_MOST = 120, 100


class Kind(StrEnum):
    """What a route does with records, as far as a walk can tell."""

    LIST = "liste"
    DETAIL = "détail"
    SEARCH = "recherche"
    EXPORT = "export"
    UPLOAD = "envoi"
    WRITE = "écriture"


class Seen(StrEnum):
    """What the walk saw of a route."""

    CLOSED = "closed"
    """Its own organisation reached the canary there, the other one and strangers did not."""
    LEAK = "leak"
    UNCOVERED = "uncovered"
    """It may read an organisation's data, and nothing was proven: a red cell."""
    NOTHING = "nothing"
    """It touched no table of organisations."""


@dataclass(frozen=True, slots=True, order=True)
class RouteProbe:
    """What was seen of one route; ``why`` is French, for a leak and for what is not covered."""

    method: str
    path: str
    kind: Kind
    seen: Seen
    why: str = ""

    @property
    def shown(self) -> str:
        """``GET /courriers/{id}``."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Walk:
    """What was seen of all routes. ``problem`` says in French why there was no walk, or why it ended early."""

    routes: tuple[RouteProbe, ...] = ()
    problem: str = ""
    left_out: int = 0
    """Routes that reach no organisation's data, or are closed, and that a bounded message had no room for."""

    def _of(self, seen: Seen) -> tuple[RouteProbe, ...]:
        return tuple(one for one in self.routes if one.seen is seen)

    @property
    def leaks(self) -> tuple[RouteProbe, ...]:
        """Routes where one organisation reached what belongs to the other."""
        return self._of(Seen.LEAK)

    @property
    def closed(self) -> tuple[RouteProbe, ...]:
        """Routes that were proven closed."""
        return self._of(Seen.CLOSED)

    @property
    def uncovered(self) -> tuple[RouteProbe, ...]:
        """Routes of which nothing is proven."""
        return self._of(Seen.UNCOVERED)

    @property
    def whole(self) -> bool:
        """Whether every route that reads an organisation's data was proven closed."""
        return not (self.problem or self.uncovered or self.leaks)

    def leak_sentence(self) -> str:
        """The leaks, for the developer."""
        said = " ; ".join(f"{one.shown} : {one.why}" for one in self.leaks[:NAMED])
        return f"{said}{_others(len(self.leaks))}"

    def doubt_sentence(self) -> str:
        """What is not proven, for the developer; empty when all is."""
        said = [f"{one.shown} ({one.why})" for one in self.uncovered[:NAMED]]
        named = f"routes non couvertes : {', '.join(said)}{_others(len(self.uncovered))}" if said else ""
        return " ; ".join(part for part in (self.problem, named) if part)


def message(walk: Walk) -> str:
    """The walk in :data:`MESSAGE_MOST` characters: the gravest is kept, what is harmless left out first."""
    order = [Seen.LEAK, Seen.UNCOVERED, Seen.CLOSED, Seen.NOTHING]
    routes = sorted(walk.routes, key=lambda one: (order.index(one.seen), one))
    for kept in (len(routes), *(len(routes) * step // 10 for step in range(9, -1, -1))):
        written = _written(Walk(tuple(routes[:kept]), walk.problem, walk.left_out + len(routes) - kept))
        if len(written) <= MESSAGE_MOST:
            return written
    return _written(Walk(problem="le compte rendu du parcours est trop long"))


def read(text: str) -> Walk:
    """The walk in such a message.

    Raises:
        ValueError: it is none; it was written next to code that is not ours.
    """
    if not text.startswith(_MARK):
        raise ValueError("not a walk")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(text[len(_MARK) :], validate=True), TEXT_MOST)
        found = json.loads(content)
        routes = tuple(_route(one) for one in found["routes"])
        return Walk(routes, _bounded(found["problem"], 300), int(found["left_out"]))
    except (binascii.Error, zlib.error, RecursionError, LookupError, TypeError) as error:
        raise ValueError("not a walk") from error


def listed(walk: Walk) -> list[dict[str, str]]:
    """The routes that reach an organisation's data, the gravest first, :data:`LISTED` at most, for a status."""
    order = [Seen.LEAK, Seen.UNCOVERED, Seen.CLOSED]
    reaching = sorted((one for one in walk.routes if one.seen in order), key=lambda one: (order.index(one.seen), one))
    return [
        {"route": one.shown, "kind": str(one.kind), "seen": str(one.seen), **({"why": one.why} if one.why else {})}
        for one in reaching[:LISTED]
    ]


def _written(walk: Walk) -> str:
    routes = [[r.method, r.path[:_PATH_MOST], r.kind, r.seen, r.why[:_WHY_MOST]] for r in walk.routes]
    found = {"routes": routes, "problem": walk.problem[:300], "left_out": walk.left_out}
    packed = zlib.compress(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return _MARK + base64.b64encode(packed).decode()


def _route(found: Any) -> RouteProbe:
    method, path, kind, seen, why = found
    texts = _bounded(method, 10), _bounded(path, _PATH_MOST), _bounded(why, _WHY_MOST)
    return RouteProbe(texts[0], texts[1], Kind(kind), Seen(seen), texts[2])


def _bounded(text: Any, longest: int) -> str:
    if not isinstance(text, str):
        raise TypeError
    return " ".join(text.split())[:longest]


def _others(count: int) -> str:
    left = count - NAMED
    return f" ; et {left} autre{'s' if left > 1 else ''}" if left > 0 else ""
