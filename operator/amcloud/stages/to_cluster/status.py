"""The ``status`` of a LocalApp, from the outcomes of a pass and what an earlier pass already knew.

What this pass did not learn is kept from the previous status, if it speaks of the same commit or of the instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from amcloud.paris import today
from amcloud.stages.conditions import MESSAGE_LONGEST, Condition, Status, bounded, kept, merged, rfc3339, status_of
from amcloud.stages.declared.app import App, StageName, Track
from amcloud.stages.gate import CATALOGUED, in_force
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.steering import revisions
from amcloud.stages.to_cluster import judgement, problems, stage_conditions, tenant_isolated
from amcloud.stages.to_forge import notices

Values = Mapping[str, Any]

CORRELATION_LONGEST = 64
OF_COMMIT = ("SourceFetched", "Conformant", "Accepted", "Built", "Derogated")
OF_INSTANCE = ("Provisioned", "Available", "DatabaseReady", "TenantIsolated")
ORDER = (
    *("Ready", "SourceFetched", "Conformant", "Accepted", "Built", "Provisioned", "Available", "DatabaseReady"),
    *("TenantIsolated", "Derogated"),
)


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
    ready = Status.UNKNOWN if first.reason in stage_conditions.NOT_KNOWN else Status.FALSE
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


def _stage(app: App, outcome: StageOutcome, before: Values, now: datetime) -> dict[str, Any]:
    same_commit = outcome.commit is not None and before.get("lastAttemptedCommit") == outcome.commit
    known = before.get("conditions") if isinstance(before.get("conditions"), list) else []
    learnt = {condition.type: condition for condition in stage_conditions.of(outcome)}
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
        "isolation": tenant_isolated.written(outcome.isolation) or before.get("isolation"),
        "pipelineURL": outcome.pipeline_url or (before.get("pipelineURL") if same_commit else None),
        "conformance": judgement.of(outcome) or (before.get("conformance") if same_commit else None),
    }
    entry["history"] = revisions.history(entry, before, rfc3339(now), outcome)
    return {name: value for name, value in entry.items() if value is not None and value not in ([], "")}


def _without_stages(app: App) -> Condition:
    if app.track is Track.HORS_STANDARD:
        return Condition("Ready", Status.TRUE, Reason.CATALOGUED, CATALOGUED)
    return Condition(
        "Ready", Status.TRUE, Reason.DECLARED, "Projet déclaré : rien n'est hébergé tant que « stages » est vide."
    )


def _sentences(outcomes: Sequence[StageOutcome], noted: Sequence[str]) -> str:
    said = [f"{outcome.stage} : {stage_conditions.sentence(outcome)}" for outcome in outcomes]
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
    return None if moment is None else today(datetime.fromisoformat(moment)).isoformat()


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
