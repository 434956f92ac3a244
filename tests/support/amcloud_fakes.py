"""The outside world of a pass, in memory, with the real one's behaviour as far as a pass can see it.

Every effect is written to ``FakeWorld.effects``; ``kill_at`` ends the "process" right after (or before) that effect.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from amcloud import assets
from amcloud.errors import ForgeUnavailableError, UnavailableError
from amcloud.ports import Judged, Produced, Question, UnderWay, World
from amcloud.settings import FINALIZER, GROUP, Settings
from amcloud.stages import apply
from amcloud.stages.app import App, Organisation, Rotation, Stage, StageName
from amcloud.stages.apply import Apply, Inventory, Key, Operation, Prune, Scale
from amcloud.stages.build import Image, Pipeline, PipelineStatus
from amcloud.stages.isolation import Isolation
from amcloud.stages.render import CREDENTIALS, OWNER, VERSIONS, Access, Object, Offers, Place
from amcloud.stages.report import CommitStatus, Event
from amcloud.stages.verdict import Dossier, NormPack
from psram.model import (
    Finding,
    PackRef,
    Report,
    ReportVerdict,
    RuleResult,
    Severity,
    Verdict,
)
from psram.proofs import Accepted, ForgeEvidence, PipelineEvidence, TestSummary
from psram.rules import Moment, Track
from psram.rules import Stage as RuleStage

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40
DIGEST = "sha256:" + "a" * 64
PROJECT = "cpam-bas-rhin/suivi-courriers"
ORGANISATIONS = {
    "671": Organisation("671", "CPAM du Bas-Rhin (exemple)", "cpam-bas-rhin", "cpam-bas-rhin"),
    "681": Organisation("681", "CPAM du Haut-Rhin (exemple)", "cpam-haut-rhin", "cpam-haut-rhin"),
}
PACK = NormPack("psram-2026.1", DIGEST, datetime(2026, 1, 1, tzinfo=UTC), frozenset(StageName))
SETTINGS = Settings(
    domain="amcloud.example",
    url_scheme="https",
    url_port="",
    forge_url="https://forge.example",
    forge_token="jeton",
    registry_url="https://registre.example",
    registry_name="registre.example",
    database_url="postgresql://amcloud@base.example/amcloud",
    reports_url="https://rapports.amcloud.example",
    oidc_issuer="https://connexion.example",
    webhook_token="jeton-webhook",
)


_templates = functools.cache(assets.hosting_templates)


class KilledError(BaseException):
    """The operator's process ended here."""


def image_of(commit: str) -> Image:
    """The image that a pipeline of ``commit`` pushes."""
    return Image(f"registre.example/{PROJECT}@sha256:{commit[:32]}{commit[:32]}", commit)


def result(
    rule: str = "SEC-001",
    *,
    moment: Moment = Moment.SOURCE,
    verdict: Verdict = Verdict.VIOLATED,
    missing: str = "",
) -> RuleResult:
    """One rule's blocking result."""
    found = (Finding("clé privée", "src/Cle.php", 3),) if verdict is Verdict.VIOLATED else ()
    return RuleResult(
        rule_id=rule,
        title="Aucun secret dans les sources",
        family="SEC",
        severity=Severity.BLOCKING,
        moment=moment,
        verdict=verdict,
        blocks=verdict in {Verdict.VIOLATED, Verdict.UNKNOWN},
        findings=found,
        findings_total=len(found),
        remedy="Retirez-la.",
        missing_evidence=missing,
    )


def report(
    commit: str = ONE,
    *results: RuleResult,
    track: Track = Track.HOMOLOGATION,
    stage: RuleStage = RuleStage.ACCEPTANCE,
    derogations: tuple[str, ...] = (),
) -> Report:
    """A report with these results."""
    verdict = ReportVerdict.VIOLATED if any(r.blocks for r in results) else ReportVerdict.CONFORMING
    return Report(
        commit=commit,
        tree="4" * 40,
        pack=PackRef(PACK.version, "2026.1.0", PACK.digest),
        engine="1",
        track=track,
        stage=stage,
        evaluated_on=date(2026, 3, 2),
        verdict=verdict,
        sentence="phrase",
        results=results,
        derogations_used=derogations,
    )


def manifest(name: str = "suivi-courriers", *, uid: str = "uid-1", generation: int = 1, **spec: Any) -> dict[str, Any]:
    """A valid LocalApp for stage ``acceptance``, with fields of ``spec`` replaced (``None`` removes one)."""
    whole = {
        "title": "Suivi des courriers (exemple)",
        "owner": {"organisation": "671"},
        "track": "homologation",
        "repository": {"project": PROJECT},
        "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        "organisations": ["671", "681"],
        **spec,
    }
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "LocalApp",
        "metadata": {"name": name, "namespace": "cpam-bas-rhin", "uid": uid, "generation": generation},
        "spec": {field: value for field, value in whole.items() if value is not None},
    }


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
        self.source = FakeSource()
        self.registry = FakeRegistry()
        self.database = FakeDatabase(self)
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
            registry=self.registry,
            cluster=self.cluster,
            database=self.database,
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

    def accepted(self, app: App, stage: StageName, commit: str, was: str) -> Accepted | None:
        return Accepted(was)

    def keep(self, question: Question, judged: Judged) -> str:
        app = question.app
        url = f"{SETTINGS.reports_url}/{app.namespace}/{app.name}/{question.stage.name}/{question.commit}"
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

    def _reach(self) -> None:
        if self.down or self.closed:
            raise ForgeUnavailableError("forge : pas de réponse")

    def pipelines(self, project: str, commit: str) -> tuple[Pipeline, ...]:
        self._reach()
        return tuple(reversed(self.by_commit.get(commit, [])))

    def start_pipeline(self, project: str, ref: str, commit: str) -> None:
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
        return ForgeEvidence(project=project, project_id=1, default_branch="main")

    def pipeline_evidence(self, project: str, pipeline: Pipeline, commit: str) -> Produced:
        self._reach()
        tests = TestSummary(3, 0, 0, 0, isolation=1)
        return Produced(PipelineEvidence(commit=commit, status="success", tests=tests))

    def set_status(self, project: str, commit: str, status: CommitStatus) -> bool:
        self._reach()
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


class FakeCluster:
    """Objects by identity; Deployments and Jobs are carried out at once, as ``rollout`` and ``migration`` say."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.objects: dict[Key, dict[str, Any]] = {}
        self.apps: dict[tuple[str, str], dict[str, Any]] = {}
        self.reports: dict[str, Report] = {}
        self.running: tuple[Object, ...] = ()
        self.events: list[Event] = []
        self.organisations_by_code = dict(ORGANISATIONS)
        self.namespaces = {"cpam-bas-rhin": "671", "cpam-haut-rhin": "681"}
        self.packs: tuple[NormPack, ...] = (PACK,)
        self.acceptances = Dossier()
        self.secrets: frozenset[str] = frozenset()
        self.rollout = True
        self.migration = True
        self.deletes_at_once = True

    def add(self, app: dict[str, Any]) -> None:
        """Somebody applies a LocalApp: its status and finalizers stay, its generation moves with its spec."""
        key = (app["metadata"]["namespace"], app["metadata"]["name"])
        before = self.apps.get(key)
        made = copy.deepcopy(app)
        if before is not None:
            made["status"] = before.get("status", {})
            made["metadata"] = {**before["metadata"], **made["metadata"]}
        self.apps[key] = made

    def offers(self) -> Offers:
        return Offers(dict(VERSIONS), 28)

    def organisations(self) -> Mapping[str, Organisation]:
        return self.organisations_by_code

    def norm_packs(self) -> tuple[NormPack, ...]:
        return self.packs

    def dossier(self, app: App) -> Dossier:
        return self.acceptances

    def namespace_organisation(self, namespace: str) -> str | None:
        return self.namespaces.get(namespace)

    def forge_token(self, app: App) -> str | None:
        return None

    def secret_names(self, namespace: str) -> frozenset[str]:
        return self.secrets

    def local_app(self, namespace: str, name: str) -> Object | None:
        return copy.deepcopy(self.apps.get((namespace, name)))

    def instances(self, manifest: Object) -> tuple[str, ...]:
        owner = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
        return tuple(
            sorted(
                key.name
                for key, found in self.objects.items()
                if key.kind == "Namespace" and found["metadata"]["annotations"].get(OWNER) == owner
            )
        )

    def instance_owner(self, namespace: str) -> str | None:
        found = self.objects.get(Key("", "Namespace", "", namespace))
        return None if found is None else found["metadata"].get("annotations", {}).get(OWNER, "")

    def inventory(self, namespace: str) -> Inventory:
        return apply.read_inventory(self.objects.get(Key("", "ConfigMap", namespace, apply.INVENTORY)))

    def live(self, keys: frozenset[Key]) -> Mapping[Key, Object]:
        return {key: copy.deepcopy(self.objects[key]) for key in keys if key in self.objects}

    def pods(self, namespace: str) -> tuple[Object, ...]:
        return self.running

    def execute(self, operation: Operation) -> None:
        match operation:
            case Apply(object=desired):
                key = apply.key(desired)
                self.objects[key] = self._carried_out(dict(copy.deepcopy(desired)), self.objects.get(key))
                self._outside.effect("apply", key)
            case Scale(key=key, replicas=replicas):
                self.objects[key]["spec"]["replicas"] = replicas
                self._outside.effect("scale", key)
            case Prune(key=key):
                self.objects.pop(key, None)
                self._outside.effect("prune", key)

    def _carried_out(self, made: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        kind, metadata = made["kind"], made["metadata"]
        generation = before["metadata"].get("generation", 0) if before else 0
        changed = before is None or before.get("spec") != made.get("spec")
        metadata["generation"] = generation + 1 if changed else generation
        metadata["creationTimestamp"] = "2026-03-02T08:00:00Z"
        if kind == "Deployment":
            before_status = (before or {}).get("status", {})
            count = made["spec"].get("replicas", 2)
            rolled = {
                "observedGeneration": metadata["generation"],
                "replicas": count,
                "updatedReplicas": count,
                "readyReplicas": count,
                "availableReplicas": count,
            }
            stuck = {
                "observedGeneration": metadata["generation"],
                "replicas": before_status.get("replicas", 0) + 1,
                "updatedReplicas": 1,
                "availableReplicas": before_status.get("availableReplicas", 0),
            }
            made["status"] = rolled if self.rollout else stuck
        if kind == "Job":
            condition = "Complete" if self.migration else "Failed"
            made["status"] = {"conditions": [{"type": condition, "status": "True", "message": "colonne en double"}]}
        if kind == "Namespace":
            made["status"] = {"phase": "Active"}
        return made

    def access(self, place: Place) -> Access | None:
        found = Key("", "Secret", place.namespace, CREDENTIALS) in self.objects
        return self._outside.database.databases.get(place.database) if found else None

    def delete_namespace(self, namespace: str) -> bool:
        inside = [
            key for key in self.objects if namespace in {key.namespace, key.name if key.kind == "Namespace" else ""}
        ]
        if not inside:
            return True
        if self.deletes_at_once:
            for key in inside:
                del self.objects[key]
            self._outside.effect("delete", namespace)
        return False

    def set_local_app_status(self, app_namespace: str, app_name: str, status: Mapping[str, Any]) -> None:
        if (app_namespace, app_name) in self.apps:
            self.apps[app_namespace, app_name]["status"] = copy.deepcopy(dict(status))
            self._outside.effect("localapp", app_name)

    def keep_report(self, app: App, stage: Stage, report: Report, url: str) -> str:
        name = f"{app.name}-{stage.name}-{report.commit[:12]}"
        if name not in self.reports:
            self.reports[name] = report
            self._outside.effect("cfr", name)
        return name

    def emit(self, manifest: Object, event: Event) -> None:
        self.events.append(event)

    def set_finalizer(self, manifest: Object, *, present: bool) -> None:
        metadata = manifest["metadata"]
        found = self.apps.get((metadata["namespace"], metadata["name"]))
        if found is None:
            return
        finalizers = found["metadata"].setdefault("finalizers", [])
        if (FINALIZER in finalizers) is present:
            return
        if present:
            finalizers.append(FINALIZER)
        else:
            finalizers.remove(FINALIZER)
            if found["metadata"].get("deletionTimestamp") and not finalizers:
                del self.apps[metadata["namespace"], metadata["name"]]
        self._outside.effect("finalizer", present)

    def status(self, name: str = "suivi-courriers") -> dict[str, Any]:
        """What kubectl shows."""
        return self.apps["cpam-bas-rhin", name].get("status", {})
