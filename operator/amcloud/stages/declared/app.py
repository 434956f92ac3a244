"""What an application asks for, once checked: closed vocabularies and frozen values. Made by ``manifest``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from amcloud.stages.declared.intention import Intention

SYNTHETIC_CODES: Final = "99"
"""How the codes of synthetic organisations begin: those of development, and those of the probes of isolation."""


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


class Lifecycle(StrEnum):
    """A ``projet`` is declared when its development starts; a ``service`` is meant to be hosted."""

    PROJET = "projet"
    SERVICE = "service"


class Criticality(StrEnum):
    """What its absence costs."""

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"


class Maturity(StrEnum):
    """How far its use has spread."""

    PROTOTYPE = "prototype"
    PILOTE = "pilote"
    GENERALISEE = "generalisee"


class Privacy(StrEnum):
    """The most sensitive data that it holds."""

    NONE = "none"
    PERSONAL = "personal"
    HEALTH = "health"


class Domain(StrEnum):
    """Business domain, for the catalogue."""

    ACCUEIL = "accueil"
    ACTION_SOCIALE = "action-sociale"
    COMPTABILITE = "comptabilite-finances"
    FRAUDE = "lutte-contre-la-fraude"
    GESTION_DU_RISQUE = "gestion-du-risque"
    JURIDIQUE = "juridique"
    LOGISTIQUE = "logistique"
    PILOTAGE = "pilotage"
    PRESTATIONS = "prestations"
    PREVENTION = "prevention"
    RELATION_USAGERS = "relation-usagers"
    RESSOURCES_HUMAINES = "ressources-humaines"
    SERVICE_MEDICAL = "service-medical"
    SYSTEME_INFORMATION = "systeme-information"
    AUTRE = "autre"


class Size(StrEnum):
    """Preset of requests, limits and quota."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Engine(StrEnum):
    """Database engines that the platform offers."""

    POSTGRESQL = "postgresql"


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
class Rotation:
    """Somebody asked for new credentials of an instance."""

    token: str
    """Tells this request from others, usually by its time; kept beside the credentials that answer it."""
    app_secret: bool = False
    """Whether APP_SECRET is renewed too, which signs people out."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as asked for."""

    name: StageName
    ref: Ref
    rotation: Rotation | None = None
    size: Size | None = None
    """Of this stage alone; ``hosting.size`` unless said."""
    intention: Intention | None = None
    """What a person asked of this stage: a kept revision, or another stage's."""


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

    size: Size = Size.SMALL
    min_replicas: int = 2
    max_replicas: int = 4
    storage_gib: int = 5
    schedules: tuple[Schedule, ...] = ()
    connectors: tuple[ConnectorUse, ...] = ()
    secrets: tuple[str, ...] = ()
    metrics_path: str | None = None
    """Where the application publishes measures; ``None`` when it says nothing."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the sources are. ``credentials`` names a Secret (key ``token``) beside the LocalApp."""

    project: str
    credentials: str | None = None


class Authority(StrEnum):
    """Who suspended: each lifts its own suspension only."""

    ORGANISATION = "organisation"
    """In ``spec.suspend``, by whoever may write the LocalApp."""
    DDSI = "ddsi"
    """By a ``Suspension`` beside the LocalApp, which the DDSI alone may write."""


class Service(StrEnum):
    """What becomes of what serves while hosting is suspended."""

    KEEP = "Keep"
    """It goes on; only new revisions are refused."""
    STOP = "Stop"
    """No replica and no scheduled command runs; data, addresses and credentials stay."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """Hosting suspended by a person."""

    reason: str
    until: datetime | None = None
    author: str = ""
    service: Service = Service.KEEP
    by: Authority = Authority.ORGANISATION


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most that an organisation's instances may take together; ``None`` is no bound."""

    yearly_euros: int | None = None
    instances: int | None = None


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
    region: str = ""
    referent: str = ""
    """Who helps the region's developers with the Starter Kit first; empty when nobody is declared."""
    allowance: Allowance | None = None
    """What its applications may cost together; ``None`` when nothing bounds it."""


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
    lifecycle: Lifecycle
    criticality: Criticality
    maturity: Maturity
    privacy: Privacy
    register: str
    """Number of its processing in the register, empty when it has none."""
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

    def size(self, stage: Stage) -> Size:
        """Size of one stage's instance."""
        return stage.size or self.hosting.size

    @property
    def source(self) -> Repository:
        """The repository of an app that has stages: ``parse`` lets no stage through without one."""
        assert self.repository is not None
        return self.repository
