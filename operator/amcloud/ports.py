"""What a pass needs of the outside world, one Protocol a service. ``clients/`` has one adapter for each.

Every method may raise :class:`~amcloud.errors.UnavailableError`; other errors are named where they can happen.
Calls are idempotent: a pass that was killed and runs again does nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from msgspec import structs

from amcloud.errors import BrokenInstallationError
from amcloud.forge_ports import Deployments, Discussion, Forge, Produced
from amcloud.settings import Settings
from amcloud.stages import declaration, provenance
from amcloud.stages.apply import Inventory, Key, Operation
from amcloud.stages.badge import Badge
from amcloud.stages.build import GoOn, Image
from amcloud.stages.connectors import Connector, Given
from amcloud.stages.health import Answer
from amcloud.stages.isolation import Isolation
from amcloud.stages.manifest import App, Organisation, Rotation, Stage, StageName, Suspension
from amcloud.stages.provenance import Origin
from amcloud.stages.render import Access, Object, Offers, Place
from amcloud.stages.report import Event
from amcloud.stages.verdict import Dossier, NormPack, norm_pack
from amcloud.stages.walk_job import Subject
from psram.model import Report
from psram.proofs import Accepted, Evidence


class Source(Protocol):
    """Git, read with the organisation's own credential (``token`` is ``None`` for public projects)."""

    def refs(self, project: str, token: str | None) -> Mapping[str, str]:
        """Every branch and tag: ``refs/heads/main`` → commit.

        Raises:
            RepositoryRefusedError: the project does not exist for this credential, or is empty.
        """

    def mark(self, project: str) -> str:
        """What a project's branches and tags are, in one word that changes with any of them; for polling.

        Read with the operator's own credential, since nothing of it is used but that it changed.

        Raises:
            RepositoryRefusedError: as :meth:`refs`.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged."""

    app: App
    stage: Stage
    commit: str
    token: str | None
    pack: NormPack
    evidence: Evidence
    """What speaks for the commit besides its files; ``pipeline`` is ``None`` before that ran."""
    dossier: Dossier
    organisations: tuple[Organisation, ...]
    correlation: str = ""
    """Name of what brought the commit, kept beside the report."""

    @classmethod
    def of(
        cls, app: App, stage: Stage, commit: str, token: str | None, world: World, *, was: str | None, now: datetime
    ) -> Question:
        """The question before the pipeline ran, with the pack in force and what the gate reads.

        ``was`` is the commit that was let in last at this stage.

        Raises:
            BrokenInstallationError: no norm pack is in force.
        """
        pack = norm_pack(world.cluster.norm_packs(), app.norm_pack, now=now)
        if pack is None:
            raise BrokenInstallationError("aucun pack de normes n'est en vigueur (kubectl get normpacks)")
        organisations = tuple(world.cluster.organisations().values())
        forge = world.forge.project_evidence(app.source.project, commit)
        accepted = None if was is None else world.reports.accepted(app, stage.name, commit, was)
        evidence = Evidence(declaration=declaration.of(app), forge=forge, accepted=accepted)
        # only production's gate reads it: the others are spared the request
        dossier = world.cluster.dossier(app) if stage.name is StageName.PRODUCTION else Dossier()
        return cls(app, stage, commit, token, pack, evidence, dossier, organisations, world.cause)

    def because(self, correlation: str) -> Question:
        """The same question about a commit that ``correlation`` brought."""
        return replace(self, correlation=correlation)

    @property
    def renamed(self) -> str:
        """The project's path on the forge, ``""`` where the manifest says the same."""
        found = self.evidence.forge.project if self.evidence.forge else ""
        return "" if found.casefold() == self.app.source.project.casefold() else found

    def after(self, produced: Produced) -> Question:
        """The same question once the pipeline has given its evidence."""
        evidence = structs.replace(self.evidence, pipeline=produced.pipeline, quality=produced.quality)
        return replace(self, evidence=evidence)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what makes it again elsewhere."""

    report: Report
    evidence: bytes
    """Bundle for ``amcloud check --evidence``."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """No verdict yet: the commit is being read, for longer than a pass should wait."""

    sentence: str
    retry_after_s: float


class Conformance(Protocol):
    """The norm engine. Commits are read in disposable processes or Jobs, once; judging facts takes milliseconds."""

    def judge(self, question: Question) -> Judged | UnderWay:
        """The verdict, or that it is under way.

        Raises:
            RepositoryRefusedError: the commit cannot be read within bounds (size, files, links, time).
            BrokenInstallationError: the pack is missing or has another digest.
        """


class Reports(Protocol):
    """Reports for auditors, kept in the operator's database and served by a Deployment of its own."""

    def keep(self, question: Question, judged: Judged) -> str:
        """Stable public URL of the report, which is stored unless the same one already is."""

    def url(self, app: App, stage: StageName, commit: str) -> str:
        """Where the report of a commit is, once it is kept."""

    def judged(self, app: App, stage: StageName, commits: Sequence[str]) -> frozenset[str]:
        """Those of ``commits`` of which a report is kept."""

    def report(self, app: App, stage: StageName, commit: str) -> Report | None:
        """The newest report of a commit at a stage; ``None`` when there is none that this engine can read."""

    def show(
        self, namespace: str, app: str, badges: Sequence[Badge], *, stages: Collection[StageName], today: date
    ) -> None:
        """The application has these badges, and none of other ``stages``; a state that holds keeps its first day."""

    def accepted(self, app: App, stage: StageName, commit: str, was: str) -> Accepted | None:
        """What commit ``was``, let in last at this stage, counted, to be compared with ``commit``; ``None`` if unknown.

        For ``commit`` itself, once it is let in, what it was compared with then.
        """


class Provenance(Protocol):
    """Where an image comes from, and who vouches for it."""

    def prove(self, question: Question, built: GoOn, said: Origin | None, report: Report) -> provenance.Answer:
        """Whether the image comes from the commit's own pipeline; signed now if it does and nobody had signed yet.

        Raises:
            BrokenInstallationError: it is to be signed for production, and the operator has no key.
        """


class Registry(Protocol):
    """The image registry."""

    def image(self, project: str, commit: str) -> Image | None:
        """The image that was pushed for ``commit``, by digest, or ``None``."""


class Cluster(Protocol):
    """The Kubernetes API."""

    def offers(self) -> Offers:
        """API versions of this server, by discovery; cached."""

    def organisations(self) -> Mapping[str, Organisation]:
        """Every organisation by code."""

    def connectors(self, app: App) -> Mapping[str, Connector]:
        """The connectors that ``app`` declares, by name; those that do not exist are left out."""

    def connector_token(self, namespace: str, name: str) -> str | None:
        """A service's credential for one application, from that Secret; ``None`` when there is none of that type."""

    def given(self, place: Place) -> tuple[Given, ...]:
        """The connectors that the instance was given last, with their versions and credentials."""

    def suspension(self, app: App) -> Suspension | None:
        """The DDSI's suspension of this app, in force or not; ``None`` when there is none."""

    def declared_by(self, organisation: str) -> tuple[Object, ...]:
        """Every LocalApp in the namespaces of the organisation of that code."""

    def norm_packs(self) -> tuple[NormPack, ...]:
        """Every norm pack declared."""

    def dossier(self, app: App) -> Dossier:
        """What the gate reads of this app besides its report (procès-verbaux, dérogations)."""

    def subscribed(self, app: App) -> frozenset[str]:
        """Codes of the organisations whose subscription to this app is approved."""

    def namespace_organisation(self, namespace: str) -> str | None:
        """Code of the organisation to which a namespace belongs, by its label."""

    def forge_token(self, app: App) -> str | None:
        """The organisation's own credential for its project, or ``None`` when the manifest names none (public project).

        Raises:
            RepositoryRefusedError: the manifest names a Secret that is absent or has no ``token``.
        """

    def secret_names(self, namespace: str) -> frozenset[str]:
        """Names of the Secrets of a namespace."""

    def local_app(self, namespace: str, name: str) -> Object | None:
        """The LocalApp as it is now, or ``None``."""

    def instances(self, manifest: Object) -> tuple[str, ...]:
        """Namespaces of all instances of this LocalApp (by its metadata alone), those of stages given up included."""

    def instance_owner(self, namespace: str) -> str | None:
        """``namespace/name`` of the LocalApp whose instance lives in ``namespace``; ``None`` when that does not exist.

        ``""`` when the namespace exists and is nobody's instance.
        """

    def inventory(self, namespace: str) -> Inventory:
        """What was applied there; empty when nothing was."""

    def live(self, keys: frozenset[Key]) -> Mapping[Key, Object]:
        """The objects that exist among ``keys``."""

    def pods(self, namespace: str) -> tuple[Object, ...]:
        """Pods of an instance; a crashing container's last log lines are in its status (bounded, masked)."""

    def execute(self, operation: Operation) -> None:
        """Carry out one intention.

        Raises:
            BrokenInstallationError: the server refuses it for good.
        """

    def access(self, place: Place) -> Access | None:
        """Credentials of an instance as kept in its Secret, or ``None``."""

    def owe(self, operator_namespace: str, namespace: str) -> None:
        """Remember that the data of this instance have yet to be removed."""

    def owed(self, operator_namespace: str) -> tuple[str, ...]:
        """Instances whose data have yet to be removed."""

    def settle(self, operator_namespace: str, namespace: str) -> None:
        """The data of this instance are removed: nothing is owed any more."""

    def delete_namespace(self, namespace: str) -> bool:
        """Ask for the removal of an instance's namespace; whether it is gone."""

    def set_local_app_status(self, app_namespace: str, app_name: str, status: Mapping[str, Any]) -> None:
        """Write the status subresource; an object deleted meanwhile is not an error."""

    def keep_report(self, app: App, stage: Stage, report: Report, url: str, correlation: str = "") -> str:
        """Name of the ``ConformanceReport`` of this verdict, made unless it exists."""

    def emit(self, manifest: Object, event: Event) -> None:
        """An event on the LocalApp; never raises."""

    def set_finalizer(self, manifest: Object, *, present: bool) -> None:
        """Add or remove our finalizer, and no other."""


class Database(Protocol):
    """The shared PostgreSQL: one database and two roles an instance."""

    def ensure(self, place: Place, known: Access | None, rotation: Rotation | None = None) -> Access:
        """Database and roles exist with these credentials; made when ``known`` is ``None``.

        Renewed when ``rotation`` was not answered yet, beside the known ones, which stay valid until :meth:`retire`;
        not while earlier ones still are.
        """

    def retire(self, place: Place, access: Access) -> None:
        """Former credentials of the instance open nothing any more; those of ``access`` alone do."""

    def size(self, place: Place) -> int:
        """Bytes that the instance's database takes, indexes included; as it was minutes ago at most."""

    def isolation(self, place: Place, commit: str) -> Isolation:
        """What two synthetic organisations can do to each other's rows, as the application's role; leaves nothing.

        A schema that was proven closed for ``commit`` is believed so for a while.
        """

    def drop(self, database: str) -> None:
        """Remove database and roles; absent is fine."""


class Health(Protocol):
    """The instances themselves, over HTTP."""

    def ask(self, address: str, hosts: tuple[str, ...]) -> tuple[Answer, ...]:
        """What ``address`` (``host:port``) answers on its health endpoint under each host name; never raises."""


class Walks(Protocol):
    """The routes of a revision, walked as two synthetic organisations in an instance of their own."""

    def walk(self, subject: Subject, access: Access, *, serving: bool) -> Isolation | UnderWay:
        """What was seen of the revision's routes, and of its tables before the real ones know its migrations.

        What an earlier walk of the same revision saw is believed for a while. ``serving``: the revision serves already,
        so that its walk waits for its turn.
        """

    def end(self, database: str) -> None:
        """Nothing is left on the database server of a walk of that instance."""


class Clock(Protocol):
    """Time, so that tests choose it."""

    def now(self) -> datetime:
        """Now, with a time zone."""


@dataclass(frozen=True, slots=True)
class World:
    """All of the outside, handed to a pass."""

    settings: Settings
    templates: Mapping[str, str]
    source: Source
    conformance: Conformance
    reports: Reports
    forge: Forge
    discussion: Discussion
    deployments: Deployments
    registry: Registry
    provenance: Provenance
    cluster: Cluster
    database: Database
    health: Health
    walks: Walks
    clock: Clock
    cause: str = ""
    """Name of what asked for this pass: the forge's own of a delivery, one made here otherwise."""
