"""What a pass needs of the outside world, one Protocol a service. ``clients/`` has one adapter for each.

Every method may raise :class:`~amcloud.errors.UnavailableError`; other errors are named where they can happen.
Calls are idempotent: a pass that was killed and runs again does nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from msgspec import structs

from amcloud.cluster_ports import Cluster
from amcloud.errors import BrokenInstallationError
from amcloud.forge_ports import Deployments, Discussion, Forge, Produced
from amcloud.settings import Settings
from amcloud.stages import provenance
from amcloud.stages.build import GoOn, Image
from amcloud.stages.declared import declaration
from amcloud.stages.declared.norms import NormPack, norm_pack
from amcloud.stages.gate import Dossier
from amcloud.stages.health import Answer
from amcloud.stages.jobs.walk_job import Subject
from amcloud.stages.manifest import App, Organisation, Rotation, Stage, StageName
from amcloud.stages.provenance import Origin
from amcloud.stages.render import Access, Place
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.to_forge.badge import Badge
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
