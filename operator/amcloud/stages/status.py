"""The ``status`` of a LocalApp, from the outcomes of a pass and what an earlier pass already knew.

What this pass did not learn is kept from the previous status, if it speaks of the same commit or of the instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from amcloud.stages import judgement, notices, problems, proofs, revisions
from amcloud.stages.app import App, StageName, Track
from amcloud.stages.conditions import MESSAGE_LONGEST, Condition, Status, bounded, kept, merged, rfc3339, status_of
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.render import TIME_ZONE
from amcloud.stages.verdict import CATALOGUED, ROLLOUT_FAILURES, Reason, in_force, moments
from psram.model import Report, ReportVerdict

Values = Mapping[str, Any]

CORRELATION_LONGEST = 64
OF_COMMIT = ("SourceFetched", "Conformant", "Accepted", "Built", "Derogated")
OF_INSTANCE = ("Provisioned", "Available", "DatabaseReady", "TenantIsolated")
ORDER = (
    *("Ready", "SourceFetched", "Conformant", "Accepted", "Built", "Provisioned", "Available", "DatabaseReady"),
    *("TenantIsolated", "Derogated"),
)
ONLY_SOURCES = (
    "Les règles sur les sources sont respectées ; celles sur le pipeline ne sont pas vérifiées, "
    "puisqu'une application hors-standard n'est pas hébergée."
)
NOT_KNOWN = frozenset({Reason.FORGE_UNAVAILABLE, Reason.SERVICE_UNAVAILABLE})
_SOURCE = frozenset({Reason.REF_NOT_FOUND, Reason.REPOSITORY_REFUSED})
_ACCEPTANCE = frozenset({Reason.ACCEPTANCE_MISSING, Reason.SPONSOR_MISSING})
_BUILD = frozenset({Reason.BUILDING, Reason.BUILD_FAILED, Reason.IMAGE_REFUSED})
_NOT_PROVISIONED = frozenset(
    {Reason.PROVISIONING, Reason.NOT_OWNED, Reason.SECRET_MISSING, Reason.MIGRATION_FAILED, Reason.BROKEN_INSTALLATION}
)
_ROLLOUT = ROLLOUT_FAILURES | {Reason.ROLLING_OUT}


def status(
    app: App,
    outcomes: tuple[StageOutcome, ...],
    previous: Values,
    *,
    told: notices.Told,
    yearly_euros: int | None,
    now: datetime,
) -> dict[str, Any]:
    """The whole ``status`` of the LocalApp, kstatus-compatible; transition times move only when a status flips."""
    before = {stage.get("name"): stage for stage in _list(previous, "stages")}
    stages = [_stage(app, outcome, before.get(str(outcome.stage), {}), now) for outcome in outcomes]
    to_see = problems.of(app, outcomes, now)
    conditions = [*summary_conditions(app, outcomes, to_see), *notices.conditions(told, outcomes, previous)]
    current = {
        "observedGeneration": app.generation,
        "conditions": merged(conditions, _list(previous, "conditions"), generation=app.generation, now=now),
        "stages": stages,
        "organisationsServed": stages[-1].get("organisationsServed", 0) if stages else 0,
        "cost": None if yearly_euros is None else {"yearlyEuros": yearly_euros},
        "problems": to_see,
        "owedStatuses": notices.written(told),
        "summary": _summary(stages, conditions[0]),
        "lastHandledReconcileAt": app.requested_at,
        "nextRetryTime": _next_retry(app, now),
    }
    return {name: value for name, value in current.items() if value is not None and value not in ([], "")}


def invalid_status(field: str, problem: str, metadata: Values, previous: Values, *, now: datetime) -> dict[str, Any]:
    """Status of a manifest that could not be parsed; what served is kept in it."""
    message = bounded(f"{field} : {problem}")
    conditions = [
        Condition("Ready", Status.FALSE, Reason.INVALID_MANIFEST, message),
        Condition("Stalled", Status.TRUE, Reason.INVALID_MANIFEST, message),
    ]
    return _unread(conditions, metadata, previous, now)


def broken_status(error: str, metadata: Values, previous: Values, *, now: datetime) -> dict[str, Any]:
    """Status after an error that nobody foresaw; the pass is tried again. ``error`` is its kind, not its text."""
    message = (
        f"Erreur interne de l'opérateur ({error}) : l'équipe de la plateforme la trouve dans ses journaux. "
        "Un nouvel essai suit ; ce qui est en service le reste."
    )
    conditions = [
        Condition("Ready", Status.FALSE, Reason.INTERNAL_ERROR, message),
        Condition("Reconciling", Status.TRUE, Reason.INTERNAL_ERROR, message),
    ]
    return _unread(conditions, metadata, previous, now)


def same(current: Values, previous: Values) -> bool:
    """Whether two statuses say the same; the server may order lists by type or name in its own way."""
    return bool(_ordered(current) == _ordered(previous))


def summary_conditions(
    app: App, outcomes: tuple[StageOutcome, ...], to_see: Sequence[Mapping[str, str]] = ()
) -> list[Condition]:
    """``Ready``, then ``Reconciling`` or ``Stalled`` when one of them is true. A refusal is told before a wait.

    ``to_see`` changes neither; it is told at the end of the message, where people look.
    """
    if not outcomes:
        return [_without_stages(app)]
    noted = [f"à voir, {problem['path']} : {problem['message']}" for problem in to_see]
    refused = [outcome for outcome in reversed(outcomes) if outcome.ended is Ended.REFUSED]
    waiting = [outcome for outcome in reversed(outcomes) if outcome.ended in {Ended.WAITING, Ended.GOING}]
    if not refused and not waiting:
        return [Condition("Ready", Status.TRUE, outcomes[-1].reason, _sentences(outcomes, noted))]
    first = (refused or waiting)[0]
    message = _sentences((*refused, *waiting), noted)
    ready = Status.UNKNOWN if first.reason in NOT_KNOWN else Status.FALSE
    state = "Stalled" if refused else "Reconciling"
    return [
        Condition("Ready", ready, first.reason, message),
        Condition(state, Status.TRUE, first.reason, message),
    ]


def seen_at(previous: Values, stage: StageName, commit: str, now: datetime) -> datetime:
    """When ``commit`` was first seen at ``stage``: as the previous status remembers, or now."""
    for before in _list(previous, "stages"):
        if before.get("name") == stage and before.get("lastAttemptedCommit") == commit:
            try:
                return datetime.fromisoformat(str(before.get("attemptedTime")))
            except ValueError:
                return now
    return now


def correlation(previous: Values, stage: StageName, commit: str, cause: str) -> str:
    """Name of what brought ``commit`` to ``stage``: as the previous status remembers, else ``cause``."""
    for before in _list(previous, "stages"):
        known = before.get("correlation")
        if before.get("name") == stage and before.get("lastAttemptedCommit") == commit and isinstance(known, str):
            return known[:CORRELATION_LONGEST]
    return cause[:CORRELATION_LONGEST]


def sentence(outcome: StageOutcome) -> str:
    """What the pass says of one stage, never empty."""
    match outcome.ended:
        case Ended.SERVING:
            return f"En service : {outcome.url}{f' ; {outcome.sentence}' if outcome.sentence else ''}"
        case Ended.GOING:
            return "Vérification en cours."
        case Ended.WAITING | Ended.REFUSED | Ended.CATALOGUED:
            return outcome.sentence


def _stage(app: App, outcome: StageOutcome, before: Values, now: datetime) -> dict[str, Any]:
    same_commit = outcome.commit is not None and before.get("lastAttemptedCommit") == outcome.commit
    known = before.get("conditions") if isinstance(before.get("conditions"), list) else []
    learnt = {condition.type: condition for condition in _conditions(outcome)}
    carried = kept(known or [], (*OF_INSTANCE, *(OF_COMMIT if same_commit or outcome.commit is None else ())))
    everything = {condition.type: condition for condition in carried} | learnt
    in_order = [everything[type_] for type_ in ORDER if type_ in everything]
    conformant = learnt.get("Conformant")
    conforms = conformant is not None and conformant.status is Status.TRUE
    served = outcome.url is not None and outcome.deployed is not None
    entry = {
        "name": str(outcome.stage),
        "conditions": merged(in_order, known or [], generation=app.generation, now=now),
        "lastAttemptedCommit": outcome.commit or before.get("lastAttemptedCommit"),
        "correlation": outcome.correlation or before.get("correlation"),
        "attemptedTime": rfc3339(outcome.seen_at) if outcome.seen_at else before.get("attemptedTime"),
        "lastConformantCommit": outcome.commit if conforms else before.get("lastConformantCommit"),
        "deployedCommit": outcome.deployed.commit if served and outcome.deployed else before.get("deployedCommit"),
        "image": outcome.deployed.image if served and outcome.deployed else before.get("image"),
        "url": outcome.url or before.get("url"),
        "size": str(outcome.size) if served and outcome.size else before.get("size"),
        "organisationsServed": len(outcome.organisations) if served else before.get("organisationsServed"),
        "credentialsRotation": outcome.rotated or before.get("credentialsRotation"),
        **revisions.told(outcome),
        "isolation": proofs.written(outcome.isolation) or before.get("isolation"),
        "pipelineURL": outcome.pipeline_url or (before.get("pipelineURL") if same_commit else None),
        "conformance": judgement.of(outcome) or (before.get("conformance") if same_commit else None),
    }
    entry["history"] = revisions.history(entry, before, rfc3339(now), outcome)
    return {name: value for name, value in entry.items() if value is not None and value not in ([], "")}


def _conditions(outcome: StageOutcome) -> Iterator[Condition]:
    """What this pass learnt, as conditions of the stage."""
    reason, text = outcome.reason, sentence(outcome)
    yield Condition("Ready", _ready(outcome), reason, text)
    if reason in _SOURCE and outcome.report is None:
        yield Condition("SourceFetched", Status.FALSE, reason, text)
    elif outcome.commit is not None:
        yield Condition("SourceFetched", Status.TRUE, Reason.SOURCE_FETCHED, f"commit {outcome.commit}")
    else:
        yield Condition("SourceFetched", Status.UNKNOWN, reason, text)
    if outcome.report is not None:
        yield from _judgement(outcome, outcome.report)
    if outcome.stage is StageName.PRODUCTION and reason in _ACCEPTANCE:
        yield Condition("Accepted", Status.FALSE, reason, text)
    elif outcome.stage is StageName.PRODUCTION and outcome.image and not outcome.partial and _let_in(outcome):
        yield Condition("Accepted", Status.TRUE, Reason.ACCEPTED, "procès-verbal de recette positif pour ce commit")
    if outcome.image is not None:
        yield Condition("Built", Status.TRUE, Reason.BUILT, outcome.image)
    elif reason in _BUILD or (reason is Reason.REPOSITORY_REFUSED and outcome.report is not None):
        yield Condition("Built", Status.FALSE, reason, text)
    yield from _instance(outcome, text)


def _instance(outcome: StageOutcome, text: str) -> Iterator[Condition]:
    reason = outcome.reason
    if reason in _NOT_PROVISIONED and outcome.deployed is not None:
        yield Condition("Provisioned", Status.FALSE, reason, text)
    elif outcome.url is not None or reason in _ROLLOUT:
        yield Condition("Provisioned", Status.TRUE, Reason.PROVISIONED, "les objets de l'instance sont en place")
    if outcome.serving is not None:
        serving = outcome.serving
        words = "des répliques répondent" if serving else "aucune réplique ne répond"
        if serving and outcome.deployed and outcome.withdrawn and outcome.withdrawn.revision != outcome.deployed:
            words = f"revenue à {outcome.deployed.commit[:8]} : {outcome.withdrawn.revision.commit[:8]} n'a pas abouti"
            yield Condition("Available", Status.TRUE, Reason.ROLLED_BACK, words)
        else:
            state, why = (Status.TRUE, Reason.SERVING) if serving else (Status.FALSE, reason)
            yield Condition("Available", state, why, words)
    elif outcome.deployed is None:
        yield Condition("Available", Status.FALSE, reason, "aucune révision n'a encore été mise en service")
    if reason is Reason.MIGRATION_FAILED:
        yield Condition("DatabaseReady", Status.FALSE, reason, text)
    elif outcome.database_ready:
        full = outcome.storage.sentence() if outcome.storage and outcome.storage.exceeded else ""
        why = Reason.STORAGE_EXCEEDED if full else Reason.DATABASE_READY
        yield Condition("DatabaseReady", Status.TRUE, why, full or "base et rôles en place")
    if outcome.isolation is not None:
        yield proofs.condition(outcome.isolation)


def _judgement(outcome: StageOutcome, report: Report) -> Iterator[Condition]:
    verdict = outcome.verdict
    text = report.sentence if outcome.verdict is None else outcome_sentence(outcome, report)
    if verdict is ReportVerdict.VIOLATED:
        yield Condition("Conformant", Status.FALSE, Reason.NOT_CONFORMANT, text)
    elif verdict is ReportVerdict.CONFORMING and not outcome.partial:
        yield Condition("Conformant", Status.TRUE, Reason.CONFORMANT, text)
    elif verdict is ReportVerdict.CONFORMING and outcome.ended is Ended.CATALOGUED:
        yield Condition("Conformant", Status.UNKNOWN, Reason.CATALOGUED, ONLY_SOURCES)
    elif verdict is ReportVerdict.CONFORMING:
        waits = "Les règles sur les sources sont respectées ; celles sur le pipeline restent à vérifier."
        yield Condition("Conformant", Status.UNKNOWN, Reason.CHECKING, waits)
    else:
        yield Condition("Conformant", Status.UNKNOWN, Reason.CONFORMANCE_UNKNOWN, text)
    if report.derogations_used:
        names = "dérogations utilisées : " + ", ".join(report.derogations_used)
        yield Condition("Derogated", Status.TRUE, Reason.DEROGATED, names)


def outcome_sentence(outcome: StageOutcome, report: Report) -> str:
    """The report's sentence for the rules that counted."""
    assert outcome.moment is not None
    return report.sentence_for(moments(outcome.stage, outcome.moment))


def _let_in(outcome: StageOutcome) -> bool:
    return outcome.deployed is not None and outcome.deployed.commit == outcome.commit


def _ready(outcome: StageOutcome) -> Status:
    match outcome.ended:
        case Ended.SERVING | Ended.CATALOGUED:
            return Status.TRUE
        case Ended.REFUSED:
            return Status.FALSE
        case Ended.WAITING | Ended.GOING:
            return Status.UNKNOWN if outcome.reason in NOT_KNOWN else Status.FALSE


def _without_stages(app: App) -> Condition:
    if app.track is Track.HORS_STANDARD:
        return Condition("Ready", Status.TRUE, Reason.CATALOGUED, CATALOGUED)
    return Condition(
        "Ready", Status.TRUE, Reason.DECLARED, "Projet déclaré : rien n'est hébergé tant que « stages » est vide."
    )


def _sentences(outcomes: Sequence[StageOutcome], noted: Sequence[str]) -> str:
    said = [f"{outcome.stage} : {sentence(outcome)}" for outcome in outcomes]
    return bounded(" | ".join([*said, *noted]), MESSAGE_LONGEST)


def _summary(stages: Sequence[Values], ready: Condition) -> dict[str, Any]:
    """What the columns of ``kubectl get`` show: production, else the last stage that exists."""
    if not stages:
        return {"ready": str(ready.status), "reason": str(ready.reason), "message": bounded(ready.message)}
    shown = stages[-1]
    of_stage = next(c for c in shown["conditions"] if c["type"] == "Ready")
    summary = {
        "stage": shown["name"],
        "ready": of_stage["status"],
        "conformant": status_of(shown["conditions"], "Conformant") or "Unknown",
        "reason": of_stage["reason"],
        "message": bounded(ready.message),
        "commit": str(shown.get("lastAttemptedCommit", ""))[:8],
        "url": shown.get("url"),
        "pack": shown.get("conformance", {}).get("pack"),
        "conformingUntil": _day(shown.get("conformance", {}).get("conformingUntilTime")),
        "image": shown.get("image"),
    }
    return {name: value for name, value in summary.items() if value}


def _day(moment: str | None) -> str | None:
    """The day in Paris of a moment of the status."""
    return None if moment is None else datetime.fromisoformat(moment).astimezone(ZoneInfo(TIME_ZONE)).date().isoformat()


def _next_retry(app: App, now: datetime) -> str | None:
    suspension = app.suspension
    return rfc3339(suspension.until) if suspension and suspension.until and in_force(suspension, now) else None


def _unread(conditions: list[Condition], metadata: Values, previous: Values, now: datetime) -> dict[str, Any]:
    generation = metadata.get("generation", 1)
    ready = conditions[0]
    conditions = [*conditions, *kept(_list(previous, "conditions"), ("ForgeNotified",))]
    summary = previous.get("summary") if isinstance(previous.get("summary"), Mapping) else {}
    return {
        **previous,
        "observedGeneration": generation,
        "conditions": merged(conditions, _list(previous, "conditions"), generation=generation, now=now),
        "summary": {
            **(summary or {}),
            "ready": str(ready.status),
            "reason": str(ready.reason),
            "message": bounded(ready.message),
        },
    }


def _list(values: Values, name: str) -> list[Mapping[str, Any]]:
    found = values.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_ordered(item) for item in value]
        keyed = all(isinstance(item, Mapping) and ("type" in item or "name" in item) for item in items)
        return sorted(items, key=lambda item: str(item.get("type", item.get("name")))) if keyed else items
    return value
