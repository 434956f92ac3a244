"""Stage 8: the outcome of a pass → conditions, events, commit statuses. The words that people read are made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from amcloud.errors import AmcloudError
from amcloud.stages.app import App, Track
from amcloud.stages.conditions import Status, bounded
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.status import (
    NOT_KNOWN,
    broken_status,
    invalid_status,
    outcome_sentence,
    same,
    seen_at,
    sentence,
    status,
)
from amcloud.stages.verdict import Reason
from psram.model import ReportVerdict

__all__ = [
    "CommitState",
    "CommitStatus",
    "Ended",
    "Event",
    "StageOutcome",
    "broken_status",
    "commit_statuses",
    "data_left",
    "events",
    "invalid_status",
    "retry_after_s",
    "same",
    "seen_at",
    "sentence",
    "status",
    "troubled",
]

DESCRIPTION_LONGEST = 255
RETRY_FORGE_S = 30.0
_JUDGED = frozenset({Reason.NOT_CONFORMANT, Reason.CONFORMANCE_UNKNOWN})


class CommitState(StrEnum):
    """GitLab's commit states that we use."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """A status on a commit. ``description`` and ``target_url`` are at most 255 characters, on one line."""

    name: str
    state: CommitState
    description: str
    target_url: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event on the LocalApp."""

    type: str
    """``Normal`` or ``Warning``."""
    reason: str
    message: str


def commit_statuses(app: App, outcomes: tuple[StageOutcome, ...]) -> tuple[tuple[str, CommitStatus], ...]:
    """What the developer reads on each commit: one ``amcloud/psram``, and ``amcloud/<stage>`` for each stage.

    Stages that follow the same commit share one ``amcloud/psram``: that of the most demanding stage that has an answer.
    """
    norms: dict[str, CommitStatus] = {}
    stages: list[tuple[str, CommitStatus]] = []
    for outcome in outcomes:
        if outcome.commit is None:
            continue
        norm, stage = _psram(app, outcome), _of_stage(outcome)
        if norm is not None:
            norms[outcome.commit] = norm
        if stage is not None:
            stages.append((outcome.commit, stage))
    return (*norms.items(), *stages)


def events(
    previous: Mapping[str, Any], current: Mapping[str, Any], outcomes: tuple[StageOutcome, ...]
) -> tuple[Event, ...]:
    """Events for what changed between two statuses, and for what was put back; none when nothing did."""
    if not outcomes:
        return tuple(_summary_event(previous, current))
    before: dict[Any, tuple[Any, ...]] = {stage.get("name"): _state(stage) for stage in previous.get("stages") or ()}
    after = {stage.get("name"): _state(stage) for stage in current.get("stages") or ()}
    changed = [outcome for outcome in outcomes if before.get(outcome.stage) != after.get(outcome.stage)]
    return (
        *(_stage_event(outcome) for outcome in changed),
        *_withdrawals(previous, current),
        *_new_problems(previous, current),
        *_restorations(outcomes),
    )


def data_left(namespace: str, error: AmcloudError) -> Event:
    """The event that says that a database could not be removed with its application."""
    message = f"La base de {namespace} n'a pas pu être supprimée et reste à supprimer à la main : {error}"
    return Event("Warning", "DataLeft", bounded(message))


def retry_after_s(outcomes: tuple[StageOutcome, ...], forge_problem: str | None) -> float | None:
    """Seconds until the next pass is useful: the soonest of the stages, and soon if the forge is owed news."""
    waits = [outcome.retry_after_s for outcome in outcomes if outcome.retry_after_s is not None]
    if forge_problem is not None:
        waits.append(RETRY_FORGE_S)
    return min(waits, default=None)


def troubled(outcomes: tuple[StageOutcome, ...], forge_problem: str | None) -> bool:
    """Whether a service failed during the pass."""
    return forge_problem is not None or any(outcome.reason in NOT_KNOWN for outcome in outcomes)


def _psram(app: App, outcome: StageOutcome) -> CommitStatus | None:
    state, words = CommitState.FAILED, outcome.sentence
    if outcome.report is not None and outcome.verdict is not None:
        state, words = _verdict(app, outcome, outcome.verdict, outcome_sentence(outcome, outcome.report))
    elif outcome.reason is not Reason.REPOSITORY_REFUSED:
        return None  # nothing was judged, and not by the developer's fault: silence, the next pass speaks
    return _status("amcloud/psram", state, words, outcome.report_url)


def _verdict(app: App, outcome: StageOutcome, verdict: ReportVerdict, words: str) -> tuple[CommitState, str]:
    if app.track is Track.HORS_STANDARD:
        return CommitState.SUCCESS, f"Hors-standard : inscrit au catalogue, jamais hébergé. Pour information : {words}"
    match verdict:
        case ReportVerdict.VIOLATED | ReportVerdict.UNKNOWN:
            return CommitState.FAILED, words
        case ReportVerdict.CONFORMING if not outcome.partial:
            return CommitState.SUCCESS, words
        case ReportVerdict.CONFORMING if outcome.reason is Reason.SUSPENDED:
            return CommitState.SUCCESS, "Sources conformes ; l'hébergement est suspendu, la suite n'est pas examinée."
        case ReportVerdict.CONFORMING if outcome.ended is Ended.REFUSED:
            return CommitState.FAILED, f"Sources conformes, mais rien ne prouve la suite : {outcome.sentence}"
        case ReportVerdict.CONFORMING:
            return CommitState.RUNNING, "Sources conformes ; les règles sur le pipeline seront vérifiées à sa fin."
    assert_never(verdict)


def _of_stage(outcome: StageOutcome) -> CommitStatus | None:
    name = f"amcloud/{outcome.stage}"
    match outcome.ended:
        case Ended.SERVING if outcome.deployed and outcome.deployed.commit != outcome.commit:
            return _status(name, CommitState.FAILED, f"Non mis en service : {outcome.sentence}", outcome.report_url)
        case Ended.SERVING:
            return _status(name, CommitState.SUCCESS, sentence(outcome), outcome.url)
        case Ended.CATALOGUED:
            words = "Non hébergé, et c'est normal : la filière hors-standard n'est qu'inscrite au catalogue."
            return _status(name, CommitState.SUCCESS, words, outcome.report_url)
        case Ended.REFUSED:
            url = outcome.report_url if outcome.reason in _JUDGED else outcome.pipeline_url or outcome.report_url
            return _status(name, CommitState.FAILED, f"Non mis en service : {outcome.sentence}", url)
        case Ended.WAITING | Ended.GOING:
            if outcome.reason in NOT_KNOWN or _already_in(outcome) or outcome.held:
                return None
            # GitLab refuses to go from running to running: one sentence for the whole way
            return _status(name, CommitState.RUNNING, "En cours : fabrication de l'image, puis mise en service.", None)
    assert_never(outcome.ended)


def _already_in(outcome: StageOutcome) -> bool:
    """Whether the commit had been let in before: that it is being put right again is no news for its author."""
    return outcome.was is not None and outcome.was.commit == outcome.commit


def _status(name: str, state: CommitState, words: str, url: str | None) -> CommitStatus:
    line = " ".join(words.split())
    return CommitStatus(
        name, state, bounded(line, DESCRIPTION_LONGEST), url if url and len(url) <= DESCRIPTION_LONGEST else None
    )


def _state(written: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes news of a stage: its readiness and the commit that it speaks of."""
    ready: Mapping[str, Any] = next((c for c in written.get("conditions") or () if c.get("type") == "Ready"), {})
    return ready.get("status"), ready.get("reason"), written.get("lastAttemptedCommit"), written.get("deployedCommit")


def _stage_event(outcome: StageOutcome) -> Event:
    kind = "Warning" if outcome.ended is Ended.REFUSED or outcome.reason in NOT_KNOWN else "Normal"
    commit = f" [{outcome.commit[:8]}]" if outcome.commit else ""
    return Event(kind, str(outcome.reason), bounded(f"{outcome.stage}{commit} : {sentence(outcome)}"))


def _summary_event(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Event]:
    ready = next(c for c in current["conditions"] if c["type"] == "Ready")
    before: Mapping[str, Any] = next((c for c in previous.get("conditions") or () if c.get("type") == "Ready"), {})
    if any(ready[name] != before.get(name) for name in ("status", "reason", "message")):
        kind = "Normal" if ready["status"] == Status.TRUE else "Warning"
        yield Event(kind, ready["reason"], ready["message"])


def _new_problems(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Event]:
    known = [problem.get("message") for problem in previous.get("problems") or ()]
    for problem in current.get("problems") or ():
        if problem["message"] not in known:
            yield Event("Warning", "ProblemFound", bounded(f"{problem['path']} : {problem['message']}"))


def _withdrawals(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Event]:
    """A revision that gave way to the one that served before is said once."""
    known = [stage.get("withdrawn") for stage in previous.get("stages") or ()]
    for stage in current.get("stages") or ():
        gone, kept = stage.get("withdrawn"), stage.get("history") or [{}]
        if gone is not None and gone not in known:
            back = f"{stage['name']} [{gone['commit'][:8]}] : retour à {str(kept[0].get('commit', ''))[:8]}"
            yield Event("Warning", str(Reason.ROLLED_BACK), bounded(f"{back}. {gone['message']}"))


def _restorations(outcomes: tuple[StageOutcome, ...]) -> Iterator[Event]:
    for outcome in outcomes:
        if outcome.restored:
            names = ", ".join(outcome.restored)
            message = f"{outcome.stage} : modifié à la main, remis comme le manifeste le demande : {names}"
            yield Event("Warning", "DriftRestored", bounded(message))
