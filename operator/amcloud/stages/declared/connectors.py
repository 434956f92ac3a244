"""Connecteurs SI: which national services an application may call, at which version, and what must be said of it. Pure.

A refusal concerns a new revision. What serves goes on: it keeps the version that it was given last, even past its end.
Only two things close a connector on an instance that serves: its manifest, and the withdrawal of its authorisation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from amcloud import paris
from amcloud.stages.declared.app import App, ConnectorUse, StageName

NOTICE: Final = timedelta(days=180)
"""How long before it a version's end is told."""
SECRET_TYPE: Final = "amcloud.cnamts.fr/connector"  # noqa: S105 - a type, not a secret
"""Type of the Secrets that hold a service's credential: it cannot be changed, so that no Connector can name another."""
LISTED: Final = "connectors"
"""Key, in the instance's Secret, of what it was given."""
MOST_GIVEN: Final = 50
_GIVEN = re.compile(r"(?P<name>[a-z][-a-z0-9]{0,62})=(?P<version>[a-z0-9][a-z0-9.-]{0,19})")


class Flaw(StrEnum):
    """Why an application may not use a connector as it asks; a reason of the same word says it."""

    UNKNOWN = "ConnectorUnknown"
    UNAUTHORISED = "ConnectorUnauthorised"
    ENDED = "ConnectorEnded"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands against a new revision, in one sentence for the person who must act."""

    flaw: Flaw
    sentence: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a service."""

    name: str
    endpoint: str
    test_endpoint: str = ""
    """For the stages before production; ``endpoint`` when it is empty."""
    addresses: tuple[str, ...] = ()
    """CIDRs where endpoints given by name answer."""
    ends_at: datetime | None = None

    def url(self, stage: StageName) -> str:
        """Where an instance of ``stage`` calls it."""
        return self.endpoint if stage is StageName.PRODUCTION else self.test_endpoint or self.endpoint

    def cidrs(self, stage: StageName) -> tuple[str, ...]:
        """What the network must be opened to; empty when the Connector does not say it."""
        try:
            return (str(ipaddress.ip_network(urlsplit(self.url(stage)).hostname or "")),)
        except ValueError:
            return self.addresses

    def ended(self, now: datetime) -> bool:
        """Whether its life is over."""
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class Consumer:
    """An application that a service lets in, and the names of the Secrets that hold its credentials."""

    app: str
    """``namespace/name`` of the LocalApp."""
    secret: str
    test_secret: str = ""

    def secret_for(self, stage: StageName) -> str:
        """The Secret for an instance of ``stage``."""
        return self.secret if stage is StageName.PRODUCTION else self.test_secret or self.secret


@dataclass(frozen=True, slots=True)
class Connector:
    """A national service as its ``Connector`` resource declares it."""

    name: str
    title: str
    recommended: str = ""
    versions: tuple[Version, ...] = ()
    consumers: tuple[Consumer, ...] = ()

    def version(self, name: str) -> Version | None:
        """The version of that name."""
        return next((one for one in self.versions if one.name == name), None)

    def consumer(self, app: App) -> Consumer | None:
        """``app`` as the service knows it; ``None`` when it is not authorised."""
        return next((one for one in self.consumers if one.app == f"{app.namespace}/{app.name}"), None)


@dataclass(frozen=True, slots=True)
class Given:
    """What an instance was given last of one connector, as its Secret remembers it."""

    name: str
    version: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """What an instance is given of one connector. It is ``open`` unless the authorisation was withdrawn."""

    name: str
    version: str
    url: str
    cidrs: tuple[str, ...]
    secret: str = ""
    """Name of the Secret, in the operator's namespace, from which ``token`` comes; empty when it is closed."""
    token: str = field(default="", repr=False)
    missing: bool = False
    """Whether that Secret is not there: a token that was given before stays, a new revision waits."""

    @property
    def open(self) -> bool:
        """Whether the instance may call it."""
        return bool(self.secret)

    def with_token(self, token: str | None) -> Link:
        """The same with what its Secret holds; ``None`` when there is no such Secret."""
        return replace(self, token=token or self.token, missing=not token)


@dataclass(frozen=True, slots=True)
class Ending:
    """A version in use whose end is near or past; ``index`` is its place in ``spec.hosting.connectors``."""

    index: int
    sentence: str
    ends_at: datetime


Offered = Mapping[str, Connector]
"""The connectors that an application declares, by name, as the platform offers them; those absent do not exist."""


def refusal(app: App, stage: StageName, offered: Offered, *, now: datetime) -> Refusal | None:
    """Why no new revision of ``app`` may be hosted at ``stage``: its first wrong connector, or ``None``."""
    found = (_flaw(app, stage, use, offered.get(use.name), now) for use in app.hosting.connectors)
    return next((one for one in found if one is not None), None)


def links(app: App, stage: StageName, offered: Offered, given: tuple[Given, ...], *, now: datetime) -> tuple[Link, ...]:
    """What the revision that serves is given, in the manifest's order, with the credentials that it had.

    ``given`` is what the instance was given last: where the manifest asks for what is refused, that stays.
    """
    before = {one.name: one for one in given}
    found = (
        _link(app, stage, use, offered[use.name], before=before.get(use.name), now=now)
        for use in app.hosting.connectors
        if use.name in offered
    )
    return tuple(one for one in found if one is not None)


def endings(app: App, offered: Offered, *, now: datetime) -> tuple[Ending, ...]:
    """Versions that ``app`` declares and that end within :data:`NOTICE`, or have ended."""
    return tuple(
        Ending(index, _ending(use, offered[use.name], version.ends_at, now), version.ends_at)
        for index, use in enumerate(app.hosting.connectors)
        if use.name in offered and (version := offered[use.name].version(use.version)) is not None
        if version.ends_at is not None and version.ends_at - NOTICE <= now
    )


def problems(found: tuple[Ending, ...]) -> Iterator[tuple[str, str, datetime]]:
    """Path, message and moment of each ending, the first to end first, as ``status.problems`` tells them."""
    for one in sorted(found, key=lambda one: (one.ends_at, one.index)):
        said = f"{one.sentence[0].upper()}{one.sentence[1:]}"
        yield f"spec.hosting.connectors[{one.index}].version", said, one.ends_at


def missing(found: tuple[Link, ...], namespace: str) -> str:
    """The sentence for credentials that are not in the operator's ``namespace``; empty when all are there."""
    absent = [one for one in found if one.missing]
    if not absent:
        return ""
    listed = ", ".join(f"{one.secret} (connecteur « {one.name} »)" for one in absent)
    return (
        f"Secret absent de l'espace de noms {namespace} : {listed}. La DDSI y range ce que le service national a donné "
        f"à l'application (clé token, type {SECRET_TYPE})."
    )


def remembered(found: tuple[Link, ...]) -> dict[str, str]:
    """``found`` as the instance's Secret keeps it: ``connectors`` lists ``name=version``, the rest are credentials."""
    if not found:
        return {}
    listed = "".join(f"{one.name}={one.version}\n" for one in found)
    return {LISTED: listed, **{key(one.name): one.token for one in found if one.token}}


def recalled(secret: Mapping[str, str]) -> tuple[Given, ...]:
    """What :func:`remembered` wrote; what is not written so counts for nothing."""
    found = (_GIVEN.fullmatch(line) for line in secret.get(LISTED, "").splitlines()[:MOST_GIVEN])
    return tuple(Given(one["name"], one["version"], secret.get(key(one["name"]), "")) for one in found if one)


def key(name: str) -> str:
    """Key of a connector's credential in the instance's Secret."""
    return f"connector.{name}"


def _flaw(app: App, stage: StageName, use: ConnectorUse, connector: Connector | None, now: datetime) -> Refusal | None:
    named = f"connecteur « {use.name} »"
    if connector is None:
        return Refusal(
            Flaw.UNKNOWN, f"Le {named} n'existe pas : corrigez spec.hosting.connectors (kubectl get connectors)."
        )
    if connector.consumer(app) is None:
        return Refusal(
            Flaw.UNAUTHORISED,
            f"L'application {app.namespace}/{app.name} n'est pas autorisée à utiliser le {named} : "
            "demandez-le à la DDSI, qui l'ajoute à spec.authorised.",
        )
    version = connector.version(use.version)
    if version is None:
        known = ", ".join(one.name for one in connector.versions)
        return Refusal(Flaw.UNKNOWN, f"Le {named} n'a pas de version {use.version} ; il a : {known}.")
    if not version.cidrs(stage):
        return Refusal(
            Flaw.UNKNOWN,
            f"La version {use.version} du {named} est mal déclarée : son accès est un nom, il faut ses adresses "
            "(addresses). La DDSI doit la corriger.",
        )
    if version.ends_at is not None and version.ended(now):
        return Refusal(Flaw.ENDED, f"Aucune nouvelle révision : {_ending(use, connector, version.ends_at, now)}")
    return None


def _link(
    app: App, stage: StageName, use: ConnectorUse, connector: Connector, *, before: Given | None, now: datetime
) -> Link | None:
    version = _version(connector, use.version, before.version if before else "", now)
    if version is None:
        return None
    consumer = connector.consumer(app)
    if consumer is None:
        # what pods were told stays, so that none is replaced; neither the network nor the credential does
        return Link(use.name, version.name, version.url(stage), ()) if before else None
    url, token = version.url(stage), before.token if before else ""
    return Link(use.name, version.name, url, version.cidrs(stage), consumer.secret_for(stage), token)


def _version(connector: Connector, asked: str, before: str, now: datetime) -> Version | None:
    """The version asked for, unless a new one may not take it up; else the one given before, if it still exists."""
    version = connector.version(asked)
    if version is not None and (asked == before or not version.ended(now)):
        return version
    return connector.version(before) if before else None


def _ending(use: ConnectorUse, connector: Connector, ends_at: datetime, now: datetime) -> str:
    ends = "a pris fin" if ends_at <= now else "prend fin"
    day = paris.day(ends_at)
    advice = _advice(use, connector, ends_at, now)
    return f"la version {use.version} du connecteur « {use.name} » {ends} le {day}{advice}"


def _advice(use: ConnectorUse, connector: Connector, ends_at: datetime, now: datetime) -> str:
    """Which version to take instead: the recommended one, else those that last longer."""
    lasting = [
        one.name
        for one in connector.versions
        if one.name != use.version and not one.ended(now) and (one.ends_at is None or one.ends_at > ends_at)
    ]
    if connector.recommended in lasting:
        return f" ; passez à {connector.recommended}."
    return f" ; passez à {' ou '.join(lasting)}." if lasting else " ; aucune autre ne la remplace : voyez avec la DDSI."
