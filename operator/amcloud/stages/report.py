"""Step 8: the outcome of a pass → conditions, events, commit statuses. The words that people read are made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, assert_never

from amcloud.errors import AmcloudError
from amcloud.stages.conditions import Event, Status, bounded
from amcloud.stages.declared.app import App, Track
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.to_cluster.stage_conditions import NOT_KNOWN, outcome_sentence, sentence
from amcloud.stages.to_cluster.status import broken_status, correlation, invalid_status, same, seen_at, status
from amcloud.stages.to_forge.commit_status import CommitState, CommitStatus, commit_status
from amcloud.stages.to_forge.notices import Told, left_behind
from psram.model import ReportVerdict

__all__ = [
    "CommitState",
    "CommitStatus",
    "Ended",
    "StageOutcome",
    "broken_status",
    "commit_statuses",
    "correlation",
    "data_left",
    "events",
    "given_up",
    "invalid_status",
    "retry_after_s",
    "review_status",
    "same",
    "seen_at",
    "sentence",
    "status",
    "troubled",
]

WAITING_FOR_SERVICE = (
    "En attente : un service de la plateforme (registre, base, cluster) ne répond pas. Reprise automatique."
)
RETRY_FORGE_S = 30.0
_JUDGED = frozenset({Reason.NOT_CONFORMANT, Reason.CONFORMANCE_UNKNOWN})


def commit_statuses(
    app: App, outcomes: tuple[StageOutcome, ...], previous: Mapping[str, Any]
) -> tuple[tuple[str, CommitStatus], ...]:
    """What the developer reads on each commit: one ``amcloud/psram``, and ``amcloud/<stage>`` for each stage.

    Commits that a newer one replaced on the way get their last words.

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
    return (*norms.items(), *stages, *left_behind(outcomes, previous))


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
        *_departures(outcomes),
    )


def data_left(namespace: str, error: AmcloudError) -> Event:
    """The event that says that a database could not be removed with its application."""
    message = (
        f"La base de {namespace} n'a pas pu être supprimée : l'opérateur la supprimera quand le serveur répondra, et "
        f"avant qu'une application de ce nom ne revienne ({error})"
    )
    return Event("Warning", "DataLeft", bounded(message))


def given_up(told: Told) -> tuple[Event, ...]:
    """Events for the statuses that the forge did not take in a day: nothing is lost without a word."""
    return tuple(
        Event("Warning", "StatusGivenUp", bounded(f"{one.status.name} sur {one.commit[:8]} : {one.status.description}"))
        for one in told.given_up
    )


def retry_after_s(outcomes: tuple[StageOutcome, ...], told: Told) -> float | None:
    """Seconds until the next pass is useful: the soonest of the stages, and soon if the forge is owed news."""
    waits = [outcome.retry_after_s for outcome in outcomes if outcome.retry_after_s is not None]
    if told.unfinished:
        waits.append(RETRY_FORGE_S)
    return min(waits, default=None)


def troubled(outcomes: tuple[StageOutcome, ...], told: Told) -> bool:
    """Whether a service failed during the pass."""
    return told.unfinished or any(outcome.reason in NOT_KNOWN for outcome in outcomes)


def review_status(app: App, outcome: StageOutcome) -> CommitStatus | None:
    """What the developer reads on a commit of a merge request, once there is something to say."""
    found = _psram(app, outcome)
    if found is not None and found.state is CommitState.RUNNING:  # no pass will come to judge its pipeline
        words = "Sources conformes ; les règles sur le pipeline seront vérifiées après la fusion."
        return replace(found, state=CommitState.SUCCESS, description=words)
    return found


def _psram(app: App, outcome: StageOutcome) -> CommitStatus | None:
    state, words = CommitState.FAILED, outcome.sentence
    if outcome.report is not None and outcome.verdict is not None:
        state, words = _verdict(app, outcome, outcome.verdict, outcome_sentence(outcome, outcome.report))
    elif outcome.reason is Reason.CHECKING and outcome.ended is Ended.WAITING:
        state, words = CommitState.PENDING, "Vérification des sources en cours."
    elif outcome.reason is not Reason.REPOSITORY_REFUSED:
        return None  # nothing was judged, and not by the developer's fault: silence, the next pass speaks
    return commit_status("amcloud/psram", state, words, _followed(outcome))


def _followed(outcome: StageOutcome) -> str | None:
    """The report's address, with what brought the commit."""
    if outcome.report_url is None or not outcome.correlation:
        return outcome.report_url
    return f"{outcome.report_url}?correlation={outcome.correlation}"


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
        case Ended.SERVING:
            return _in_service(name, outcome)
        case Ended.CATALOGUED:
            words = "Non hébergé, et c'est normal : la filière hors-standard n'est qu'inscrite au catalogue."
            return commit_status(name, CommitState.SUCCESS, words, outcome.report_url)
        case Ended.REFUSED:
            url = outcome.report_url if outcome.reason in _JUDGED else outcome.pipeline_url or outcome.report_url
            return commit_status(name, CommitState.FAILED, f"Non mis en service : {outcome.sentence}", url)
        case Ended.WAITING | Ended.GOING:
            return _on_the_way(name, outcome)
    assert_never(outcome.ended)


def _in_service(name: str, outcome: StageOutcome) -> CommitStatus:
    if outcome.deployed is not None and outcome.deployed.commit != outcome.commit:  # another one is held
        return commit_status(name, CommitState.FAILED, f"Non mis en service : {outcome.sentence}", outcome.report_url)
    return commit_status(name, CommitState.SUCCESS, sentence(outcome), outcome.url)


def _on_the_way(name: str, outcome: StageOutcome) -> CommitStatus | None:
    if outcome.reason is Reason.FORGE_UNAVAILABLE or _already_in(outcome) or outcome.held:
        return None
    if outcome.reason is Reason.SERVICE_UNAVAILABLE:
        return commit_status(name, CommitState.PENDING, WAITING_FOR_SERVICE)
    # GitLab refuses to go from running to running: one sentence for the whole way
    return commit_status(name, CommitState.RUNNING, "En cours : fabrication de l'image, puis mise en service.")


def _already_in(outcome: StageOutcome) -> bool:
    """Whether the commit had been let in before: that it is being put right again is no news for its author."""
    return outcome.was is not None and outcome.was.commit == outcome.commit


def _state(written: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes news of a stage: its readiness and the commit that it speaks of."""
    ready: Mapping[str, Any] = next((c for c in written.get("conditions") or () if c.get("type") == "Ready"), {})
    return ready.get("status"), ready.get("reason"), written.get("lastAttemptedCommit"), written.get("deployedCommit")


def _stage_event(outcome: StageOutcome) -> Event:
    kind = "Warning" if outcome.ended is Ended.REFUSED or outcome.reason in NOT_KNOWN else "Normal"
    commit = f" [{outcome.commit[:8]}]" if outcome.commit else ""
    message = bounded(f"{outcome.stage}{commit} : {sentence(outcome)}")
    return Event(kind, str(outcome.reason), message, outcome.correlation)


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


def _departures(outcomes: tuple[StageOutcome, ...]) -> Iterator[Event]:
    """An organisation that is served no more loses its address, never its data."""
    for outcome in outcomes:
        for who in outcome.left:
            message = f"{outcome.stage} : l'organisme {who} n'est plus servi ; ses données restent dans la base"
            yield Event("Normal", "OrganisationLeft", bounded(f"{message}, et reviennent avec lui"))


def _restorations(outcomes: tuple[StageOutcome, ...]) -> Iterator[Event]:
    for outcome in outcomes:
        if outcome.restored:
            names = ", ".join(outcome.restored)
            message = f"{outcome.stage} : modifié ou supprimé à la main, remis comme le manifeste le demande : {names}"
            yield Event("Warning", "DriftRestored", bounded(message))
