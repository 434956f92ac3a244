"""What the forge shows of where an application runs: an environment a stage, a deployment a revision let in. Pure.

GitLab takes deployments from outside as ``running``, ``success``, ``failed`` or ``canceled``; ``created`` is its own
word for a job that waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from amcloud.errors import AmcloudError
from amcloud.stages.conditions import Event, bounded
from amcloud.stages.declared.app import App, Ref, StageName, Track
from amcloud.stages.objects.operations import Object
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import ROLLOUT_FAILURES, Reason
from amcloud.stages.steering import claims

PREFIX: Final = "amcloud-"
TIERS: Final = {
    StageName.DEVELOPMENT: "development",
    StageName.ACCEPTANCE: "staging",
    StageName.PRODUCTION: "production",
}
"""GitLab's tiers: it links merge requests to deployments of these."""
_UNDER_WAY: Final = frozenset({Reason.PROVISIONING, Reason.ROLLING_OUT})
_FAILED: Final = ROLLOUT_FAILURES | {Reason.MIGRATION_FAILED, Reason.TENANT_LEAK, Reason.SECRET_MISSING}


class State(StrEnum):
    """GitLab's words for a deployment from outside."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A revision at a stage. ``ref`` is what the stage follows; ``url`` is empty until it serves."""

    stage: StageName
    commit: str
    ref: Ref
    state: State
    url: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """What the forge should show of one application: ``ended`` are stages where nothing runs any more."""

    deployments: tuple[Deployment, ...] = ()
    ended: frozenset[StageName] = frozenset()


class Change(StrEnum):
    """What brings the forge's last deployment of an environment to the one that is wanted."""

    NONE = "none"
    FINISH = "finish"
    """The last one takes the state that is wanted."""
    BEGIN = "begin"
    SUPERSEDE = "supersede"
    """The last one, still running, is over; another begins."""


def change(wanted: Deployment, *, commit: str, state: str, available: bool) -> Change:
    """The step from the last deployment (``commit``, ``state``; empty for none) of an environment to ``wanted``.

    An environment that was stopped is ``available`` again by a new deployment only.
    """
    running = state == State.RUNNING
    if commit != wanted.commit:
        return Change.SUPERSEDE if running else Change.BEGIN
    if running:
        return Change.NONE if wanted.state is State.RUNNING else Change.FINISH
    if state == State.SUCCESS and wanted.state is not State.FAILED:
        # a revision that served and rolls out again, with other settings, is no news
        return Change.BEGIN if wanted.state is State.SUCCESS and not available else Change.NONE
    return Change.NONE if state == wanted.state else Change.BEGIN


def environment(stage: StageName) -> str:
    """Name of the environment of a stage. Without a slash: GitLab takes folders for review applications."""
    return f"{PREFIX}{stage}"


def records(app: App, outcomes: Sequence[StageOutcome], others: Sequence[Object]) -> Records:
    """What to show after a pass; ``others`` follow the same project, their stages are theirs."""
    refs = {stage.name: stage.ref for stage in app.stages}
    followed = set() if app.track is Track.HORS_STANDARD else {*refs}
    elsewhere = claims.followed(app.source.project, others) if app.repository else frozenset()
    ended = frozenset(stage for stage in StageName if stage not in followed and stage not in elsewhere)
    return Records(tuple(_deployments(outcomes, refs)), ended)


def at_the_end(app: App, others: Sequence[Object]) -> Records:
    """What to show once the application is gone: its stages end, unless somebody else follows them."""
    elsewhere = claims.followed(app.source.project, others) if app.repository else frozenset()
    return Records(ended=frozenset(stage.name for stage in app.stages if stage.name not in elsewhere))


def left(project: str, error: AmcloudError) -> Event:
    """The event that says that the forge still shows an application that is gone."""
    message = f"La forge montre encore où {project} s'exécutait (environnements amcloud-…) : {error}"
    return Event("Warning", "EnvironmentsLeft", bounded(message))


def _deployments(outcomes: Sequence[StageOutcome], refs: dict[StageName, Ref]) -> Iterator[Deployment]:
    for outcome in outcomes:
        state = _state(outcome)
        if state is not None and outcome.deployed is not None and outcome.reason is not Reason.NOT_OWNED:
            url = outcome.url or ""
            yield Deployment(outcome.stage, outcome.deployed.commit, refs[outcome.stage], state, url)


def _state(outcome: StageOutcome) -> State | None:
    """``None`` when the pass learnt nothing that the forge should show."""
    if outcome.deployed is None:
        return None
    if outcome.url is not None:
        return State.SUCCESS
    if outcome.deployed.commit != outcome.commit or outcome.proven:
        return None
    if outcome.ended is Ended.WAITING and outcome.reason in _UNDER_WAY:
        return State.RUNNING
    return State.FAILED if outcome.ended is Ended.REFUSED and outcome.reason in _FAILED else None
