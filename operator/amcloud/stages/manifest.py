"""Stage 1: the untrusted manifest becomes an :class:`App`, with every default filled in, or a refusal naming the field.

Nobody reads ``spec`` after this module. The same rules stand in the CRD (schema and CEL); they are checked again here,
since servers before 1.25 do not evaluate CEL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Track(StrEnum):
    """Filière of an application (LR-DDO-36/2018)."""

    LABELLISATION = "labellisation"
    HOMOLOGATION = "homologation"
    HORS_STANDARD = "hors-standard"


class StageName(StrEnum):
    """Each stage is one instance, in a namespace of its own."""

    DEVELOPMENT = "development"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class RefKind(StrEnum):
    """What a stage follows in the repository."""

    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch by name, or tags by pattern (``v*``, the highest version wins)."""

    kind: RefKind
    pattern: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as asked for."""

    name: StageName
    ref: Ref


@dataclass(frozen=True, slots=True)
class Schedule:
    """A command run on a cron schedule (five fields, Europe/Paris)."""

    name: str
    schedule: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectorUse:
    """A national service that the application declares to call."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Hosting:
    """Means asked for. ``storage_gib`` is the database's."""

    size: str = "small"
    min_replicas: int = 2
    max_replicas: int = 4
    storage_gib: int = 5
    schedules: tuple[Schedule, ...] = ()
    connectors: tuple[ConnectorUse, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the sources are. ``credentials`` names a Secret of the LocalApp's namespace (key ``token``), or ``None``."""

    project: str
    credentials: str | None = None


@dataclass(frozen=True, slots=True)
class Suspension:
    """Hosting suspended by a person."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisme as its ``Organisation`` resource declares it."""

    code: str
    """3 digits."""
    name: str
    label: str
    """DNS label, also the name of its namespace."""
    forge_group: str
    """Group of the forge under which its projects live; the label unless said otherwise."""


class DeletionPolicy(StrEnum):
    """What becomes of the data when the LocalApp is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True)
class App:
    """An application as its manifest asks for it, wholly checked.

    ``repository`` is ``None`` and ``stages`` empty only for a ``projet`` or for ``hors-standard``.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    title: str
    owner: str
    """3-digit code of the owning organisation."""
    track: Track
    lifecycle: str
    criticality: str
    privacy: str
    sponsor: str | None
    repository: Repository | None
    stages: tuple[Stage, ...]
    organisations: tuple[str, ...]
    """Codes of the organisations served, without duplicates, sorted."""
    hosting: Hosting
    norm_pack: str | None
    suspension: Suspension | None
    deletion_policy: DeletionPolicy
    requested_at: str | None
    """Value of the ``requestedAt`` annotation, echoed in the status."""
    deleting: bool

    @property
    def source(self) -> Repository:
        """The repository of an app that has stages: ``parse`` lets no stage through without one."""
        assert self.repository is not None
        return self.repository


def parse(
    manifest: Mapping[str, Any],
    organisations: Mapping[str, Organisation],
    namespace_organisation: Callable[[str], str | None],
) -> App:
    """The application that a LocalApp asks for.

    Raises:
        InvalidManifestError: naming the first wrong field in the order of the documentation, with what was found.
    """
    raise NotImplementedError


def served(app: App, stage: Stage, organisations: Mapping[str, Organisation]) -> tuple[Organisation, ...]:
    """Organisations that the instance of a stage serves, by code."""
    raise NotImplementedError
