"""The directory of national services: versions, ends, who is authorised, which applications declare them. Pure.

It reads manifests unchecked: an application that is wrong elsewhere still calls what it declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from amcloud.stages.declared.connectors import NOTICE, Connector, Version


class State(StrEnum):
    """What a version is worth today, or what stands against an application that declares it."""

    OPEN = "ouverte"
    ENDING = "prend fin"
    ENDED = "a pris fin"
    UNKNOWN = "inconnue"
    UNAUTHORISED = "non autorisée"

    @property
    def refused(self) -> bool:
        """Whether a new revision that declares it is refused."""
        return self in {State.ENDED, State.UNKNOWN, State.UNAUTHORISED}


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """An application that declares a version: its connector may not exist, nor its version."""

    connector: str
    version: str
    app: str
    state: State


@dataclass(frozen=True, slots=True)
class Line:
    """One version of one service."""

    connector: str
    version: str
    state: State
    ends_at: datetime | None
    recommended: bool
    authorised: int
    """Applications that may use the service."""
    callers: int
    """Applications that declare this version."""


def uses(offered: Mapping[str, Connector], local_apps: Sequence[Mapping[str, Any]], now: datetime) -> tuple[Use, ...]:
    """What the fleet declares, by connector, version and application."""
    found = (
        Use(name, version, app, _use_state(offered.get(name), version, app, now))
        for one in local_apps
        for app, name, version in _declared(one)
    )
    return tuple(sorted(found))


def lines(offered: Mapping[str, Connector], found: Sequence[Use], now: datetime) -> tuple[Line, ...]:
    """Every version of every service, in the order of the names, versions as their service lists them."""
    return tuple(
        Line(
            connector=name,
            version=version.name,
            state=_state(version, now),
            ends_at=version.ends_at,
            recommended=version.name == connector.recommended,
            authorised=len(connector.consumers),
            callers=sum((use.connector, use.version) == (name, version.name) for use in found),
        )
        for name, connector in sorted(offered.items())
        for version in connector.versions
    )


def _use_state(connector: Connector | None, version: str, app: str, now: datetime) -> State:
    if connector is None:
        return State.UNKNOWN
    if app not in {consumer.app for consumer in connector.consumers}:
        return State.UNAUTHORISED
    known = connector.version(version)
    return State.UNKNOWN if known is None else _state(known, now)


def _state(version: Version, now: datetime) -> State:
    if version.ended(now):
        return State.ENDED
    return State.ENDING if version.ends_at is not None and version.ends_at - NOTICE <= now else State.OPEN


def _declared(local_app: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    metadata, spec = local_app["metadata"], local_app.get("spec")
    hosting = spec.get("hosting") if isinstance(spec, Mapping) else None
    listed = hosting.get("connectors") if isinstance(hosting, Mapping) else None
    for use in listed if isinstance(listed, list) else ():
        name, version = (use.get("name"), use.get("version")) if isinstance(use, Mapping) else (None, None)
        if isinstance(name, str) and isinstance(version, str):
            yield f"{metadata['namespace']}/{metadata['name']}", name, version
