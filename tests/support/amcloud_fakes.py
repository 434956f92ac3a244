"""The outside world of a pass, in memory, with the real one's behaviour as far as a pass can see it.

Every effect is written to ``FakeWorld.effects``; ``kill_at`` ends the "process" right after (or before) that effect.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from amcloud_fake_cluster import FakeCluster
from amcloud_fake_discussion import FakeDeployments, FakeDiscussion
from amcloud_samples import (
    ONE,
    PROJECT,
    SETTINGS,
    START,
    image_of,
    report,
    result,
)

from amcloud import assets
from amcloud.errors import ForgeUnavailableError, StatusRefusedError, UnavailableError
from amcloud.forge_ports import Produced
from amcloud.ports import Judged, Question, UnderWay, World
from amcloud.settings import Settings
from amcloud.stages import provenance
from amcloud.stages.build import GoOn, Image, Pipeline, PipelineStatus
from amcloud.stages.declared.app import App, Rotation, StageName
from amcloud.stages.health import Answer
from amcloud.stages.jobs.walk_job import Subject
from amcloud.stages.provenance import Origin
from amcloud.stages.render import Access, Place
from amcloud.stages.report import CommitStatus
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.walk import Walk
from amcloud.stages.to_forge.badge import Badge
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.model import (
    Report,
    RuleResult,
    Verdict,
)
from psram.proofs import Accepted, ForgeEvidence, PipelineEvidence, TestSummary
from psram.rules import Moment, Track
from psram.rules import Stage as RuleStage

_templates = functools.cache(assets.hosting_templates)


class KilledError(BaseException):
    """The operator's process ended here."""


@dataclass
class FakeWorld:
    """The services together, their shared list of effects, and a clock."""

    settings: Settings = SETTINGS
    effects: list[tuple[Any, ...]] = field(default_factory=list)
    kill_after: int | None = None
    """Number of effects after which the process ends."""

    def __post_init__(self) -> None:
        self.time = START
        self.cluster = FakeCluster(self)
        self.forge = FakeForge(self)
        self.discussion = FakeDiscussion(self)
        self.deployments = FakeDeployments(self)
        self.source = FakeSource()
        self.registry = FakeRegistry()
        self.provenance = FakeProvenance()
        self.database = FakeDatabase(self)
        self.walks = FakeWalks()
        self.health = FakeHealth()
        self.conformance = FakeConformance()
        self.reports = FakeReports(self)

    def world(self) -> World:
        """What a pass is handed."""
        return World(
            settings=self.settings,
            templates=_templates(),
            source=self.source,
            conformance=self.conformance,
            reports=self.reports,
            forge=self.forge,
            discussion=self.discussion,
            deployments=self.deployments,
            registry=self.registry,
            provenance=self.provenance,
            cluster=self.cluster,
            database=self.database,
            health=self.health,
            walks=self.walks,
            clock=self,
        )

    def now(self) -> datetime:
        return self.time

    def passes(self, seconds: float) -> None:
        """Time goes by."""
        self.time += timedelta(seconds=seconds)

    def effect(self, *what: Any) -> None:
        """Something outside changed."""
        self.effects.append(what)
        if self.kill_after is not None and len(self.effects) >= self.kill_after:
            raise KilledError


class FakeSource:
    """Git."""

    def __init__(self) -> None:
        self.heads: dict[str, str] = {"refs/heads/main": ONE}
        self.error: Exception | None = None

    def refs(self, project: str, token: str | None) -> Mapping[str, str]:
        if self.error:
            raise self.error
        return dict(self.heads)

    def mark(self, project: str) -> str:
        return str(sorted(self.refs(project, None).items()))


class FakeConformance:
    """The engine: what it says of a commit is set by the test; conforming otherwise."""

    def __init__(self) -> None:
        self.results: dict[str, tuple[RuleResult, ...]] = {}
        self.error: Exception | None = None
        self.under_way: set[str] = set()
        """Commits that are being read for longer than a pass waits."""

    def judge(self, question: Question) -> Judged | UnderWay:
        if self.error:
            raise self.error
        if question.commit in self.under_way:
            return UnderWay("Les sources sont en cours de contrôle.", 5.0)
        results = self.results.get(question.commit, ())
        if question.evidence.pipeline is None:  # before the pipeline ran, what depends on it is not known
            results = tuple(replace_result(r) if r.moment is Moment.PIPELINE else r for r in results)
        made = report(question.commit, *results, track=Track(question.app.track), stage=RuleStage(question.stage.name))
        return Judged(made, b"{}")


def replace_result(found: RuleResult) -> RuleResult:
    """The same rule, not known yet."""
    return result(found.rule_id, moment=found.moment, verdict=Verdict.UNKNOWN, missing="rapport de tests")


class FakeReports:
    """Stored reports."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.kept: dict[str, Report] = {}
        self.badges: dict[tuple[str, str], tuple[Badge, ...]] = {}

    def show(
        self, namespace: str, app: str, badges: Sequence[Badge], *, stages: Collection[StageName], today: date
    ) -> None:
        kept = {one.stage: one for one in self.badges.get((namespace, app), ()) if one.stage in stages}
        self.badges[namespace, app] = tuple({**kept, **{one.stage: one for one in badges}}.values())

    def report(self, app: App, stage: StageName, commit: str) -> Report | None:
        return self.kept.get(self.url(app, stage, commit))

    def accepted(self, app: App, stage: StageName, commit: str, was: str) -> Accepted | None:
        return Accepted(was)

    def url(self, app: App, stage: StageName, commit: str) -> str:
        return f"{SETTINGS.reports_url}/{app.namespace}/{app.name}/{stage}/{commit}"

    def judged(self, app: App, stage: StageName, commits: Sequence[str]) -> frozenset[str]:
        return frozenset(commit for commit in commits if self.url(app, stage, commit) in self.kept)

    def keep(self, question: Question, judged: Judged) -> str:
        url = self.url(question.app, question.stage.name, question.commit)
        if self.kept.get(url) != judged.report:
            self.kept[url] = judged.report
            self._outside.effect("report", url)
        return url


class FakeForge:
    """GitLab: pipelines by commit, statuses in the order in which they came."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.by_commit: dict[str, list[Pipeline]] = {}
        self.statuses: list[tuple[str, CommitStatus]] = []
        self.down = False
        """Pipelines and statuses do not answer; what is said of a project was asked a moment ago."""
        self.closed = False
        """Nothing answers."""
        self.start_error: Exception | None = None
        self.active: frozenset[str] = frozenset()
        self.asked_since: list[datetime] = []
        self.path = ""
        """The project's path now, where it was renamed."""
        self.requests: list[MergeRequest] = []
        self.request_commits: dict[int, tuple[str, ...]] = {}
        self.refused: set[str] = set()
        """Commits of which the forge takes no status."""

    def _reach(self) -> None:
        if self.down or self.closed:
            raise ForgeUnavailableError("forge : pas de réponse")

    def pipelines(self, project: str, commit: str) -> tuple[Pipeline, ...]:
        self._reach()
        return tuple(reversed(self.by_commit.get(commit, [])))

    def start_pipeline(self, project: str, ref: str, commit: str, correlation: str = "") -> None:
        self._reach()
        if self.start_error:
            raise self.start_error
        self.add(commit, PipelineStatus.PENDING)
        self._outside.effect("pipeline", commit)

    def add(self, commit: str, status: PipelineStatus) -> Pipeline:
        """A pipeline appears, as after a push."""
        number = sum(map(len, self.by_commit.values())) + 1
        made = Pipeline(number, status, self._outside.now(), f"https://forge.example/{PROJECT}/-/pipelines/{number}")
        self.by_commit.setdefault(commit, []).append(made)
        return made

    def finish(self, commit: str, status: PipelineStatus = PipelineStatus.SUCCESS) -> None:
        """The newest pipeline of a commit ends; a successful one has pushed its image."""
        made = self.by_commit[commit]
        made[-1] = replace(made[-1], status=status)
        if status is PipelineStatus.SUCCESS:
            self._outside.registry.images[commit] = image_of(commit)

    def project_evidence(self, project: str, commit: str) -> ForgeEvidence:
        if self.closed:
            raise ForgeUnavailableError("forge : pas de réponse")
        return ForgeEvidence(project=self.path or project, project_id=1, default_branch="main")

    def pipeline_evidence(self, project: str, pipeline: Pipeline, commit: str) -> Produced:
        self._reach()
        tests = TestSummary(3, 0, 0, 0, isolation=1)
        return Produced(PipelineEvidence(commit=commit, status="success", tests=tests))

    def set_status(self, project: str, commit: str, status: CommitStatus, *, ref: str = "") -> bool:
        self._reach()
        if commit in self.refused:
            raise StatusRefusedError(f"La forge refuse le statut {status.name} du commit {commit[:8]}.")
        same = [known for sha, known in self.statuses if sha == commit and known.name == status.name]
        if same and same[-1] == status:
            return False
        self.statuses.append((commit, status))
        self._outside.effect("status", commit, status.name, status.state)
        return True

    def active_projects(self, since: datetime) -> frozenset[str]:
        self._reach()
        self.asked_since.append(since)
        return self.active

    def merge_requests(self, project: str) -> tuple[MergeRequest, ...]:
        self._reach()
        return tuple(self.requests)

    def merge_request_commits(self, project: str, request: MergeRequest) -> tuple[str, ...]:
        self._reach()
        return self.request_commits.get(request.iid, (request.commit,))

    def last(self, commit: str, name: str) -> CommitStatus | None:
        """The newest status of that name."""
        return next((known for sha, known in reversed(self.statuses) if sha == commit and known.name == name), None)


class FakeRegistry:
    """Images by commit."""

    def __init__(self) -> None:
        self.images: dict[str, Image] = {}
        self.down = False

    def image(self, project: str, commit: str) -> Image | None:
        if self.down:
            raise UnavailableError("registre : pas de réponse")
        return self.images.get(commit)


class FakeHealth:
    """Instances that answer as the test says: well, unless something else is set."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.asked: list[tuple[str, ...]] = []

    def ask(self, address: str, hosts: tuple[str, ...]) -> tuple[Answer, ...]:
        self.asked.append(hosts)
        return tuple(Answer(host, self.status, "" if self.status else "injoignable") for host in hosts)


class FakeProvenance:
    """The attestor: every image is one that it signed, unless told otherwise."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        """Sentences, by commit."""

    def prove(self, question: Question, built: GoOn, said: Origin | None, report: Report) -> provenance.Answer:
        sentence = self.refused.get(question.commit)
        return provenance.Refuse(sentence) if sentence else provenance.Proven(signed=True)


class FakeWalks:
    """Walks: what they see is set by the test; nothing at all otherwise."""

    def __init__(self) -> None:
        self.seen: Isolation | UnderWay = Isolation(walk=Walk())
        self.error: Exception | None = None
        self.asked: list[tuple[str, bool]] = []
        self.databases: set[str] = set()

    def walk(self, subject: Subject, access: Access, *, serving: bool) -> Isolation | UnderWay:
        self.asked.append((subject.revision.commit, serving))
        if not serving:
            self.databases.add(subject.place.database)
        if self.error:
            raise self.error
        return self.seen

    def end(self, database: str) -> None:
        if self.error:
            raise self.error
        self.databases.discard(database)


class FakeDatabase:
    """Databases by name."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.databases: dict[str, Access] = {}
        self.former: dict[str, Access] = {}
        self.bytes_used = 8 * 1024 * 1024
        self.down = False
        self.seen = Isolation()

    def ensure(self, place: Place, known: Access | None, rotation: Rotation | None = None) -> Access:
        if self.down:
            raise UnavailableError("base de données : pas de réponse")
        if known and rotation and known.rotation != rotation.token and place.database not in self.former:
            self.former[place.database] = known
            known = replace(known, app_url=f"{known.app_url}+", rotation=rotation.token)
        access = known or Access(
            app_url=f"postgresql://{place.database}_app:x@base.example/{place.database}",
            owner_url=f"postgresql://{place.database}_owner:x@base.example/{place.database}",
            app_secret="x",
            oidc_client_secret="x",
        )
        if self.databases.get(place.database) != access:
            self.databases[place.database] = access
            self._outside.effect("database", place.database)
        return access

    def size(self, place: Place) -> int:
        return self.bytes_used

    def retire(self, place: Place, access: Access) -> None:
        if self.former.pop(place.database, None):
            self._outside.effect("retire", place.database)

    def isolation(self, place: Place, commit: str) -> Isolation:
        if self.down:
            raise UnavailableError("base de données : pas de réponse")
        return self.seen

    def drop(self, database: str) -> None:
        if self.down:
            raise UnavailableError("base de données : pas de réponse")
        if self.databases.pop(database, None):
            self._outside.effect("drop", database)
