"""Stage 8: the outcome of a pass → conditions, events, commit statuses. The words that people read are made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, assert_never

from amcloud.errors import AmcloudError
from amcloud.stages.build import GiveUp, GoOn, Start, Step, Wait
from amcloud.stages.manifest import App, Organisation, StageName
from amcloud.stages.observe import Observation, Progress
from amcloud.stages.render import Revision
from amcloud.stages.verdict import Answer, Decision, Reason

if TYPE_CHECKING:
    from psram.model import Report


class Ended(StrEnum):
    """How the pass over one stage ended; ``GOING`` while it has not."""

    GOING = "going"
    SERVING = "serving"
    WAITING = "waiting"
    REFUSED = "refused"
    CATALOGUED = "catalogued"


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """All that a pass learnt and did about one stage. Built step by step; every method gives a new value."""

    stage: StageName
    ended: Ended = Ended.GOING
    reason: Reason = Reason.CHECKING
    sentence: str = ""
    retry_after_s: float | None = None
    commit: str | None = None
    report: Report | None = None
    report_url: str | None = None
    report_name: str | None = None
    conformant: bool | None = None
    """Whether the gate let the commit on at the last moment it was asked; ``None`` before."""
    pipeline_url: str | None = None
    image: str | None = None
    """Image of ``commit``, once built."""
    deployed: Revision | None = None
    """The revision that is let in and should serve now; an older one when ``commit`` was refused."""
    serving: bool = False
    url: str | None = None
    organisations: tuple[str, ...] = ()
    database_ready: bool = False
    restored: tuple[str, ...] = field(default=())
    """Objects that somebody had changed and that were put back."""

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done for ``commit`` in this pass."""
        return self.ended is not Ended.GOING

    def waiting(self, reason: Reason, sentence: str, *, retry_after_s: float) -> StageOutcome:
        """Nobody needs to act; the pass comes again by itself."""
        return replace(self, ended=Ended.WAITING, reason=reason, sentence=sentence, retry_after_s=retry_after_s)

    def refused(self, reason: Reason, sentence: str) -> StageOutcome:
        """Somebody must act; what serves goes on serving."""
        return replace(self, ended=Ended.REFUSED, reason=reason, sentence=sentence, retry_after_s=None)

    def served(self, *, url: str, organisations: tuple[Organisation, ...]) -> StageOutcome:
        """Every wave is done: the deployed revision answers. A refusal of a newer commit stays what the pass says."""
        known = replace(self, serving=True, url=url, organisations=tuple(o.code for o in organisations))
        if self.over:
            return known
        return replace(known, ended=Ended.SERVING, reason=Reason.SERVING, sentence="")

    def interrupted(self, error: AmcloudError) -> StageOutcome:
        """The pass met an error: waiting if trying again may work, refused if somebody must act."""
        raise NotImplementedError

    def judged(self, report: Report, url: str, name: str, decision: Decision) -> StageOutcome:
        """The gate has answered."""
        known = replace(self, report=report, report_url=url, report_name=name)
        match decision.answer:
            case Answer.GO:
                return replace(known, conformant=True)
            case Answer.REFUSE:
                return replace(known, conformant=False).refused(decision.reason, decision.sentence)
            case Answer.CATALOGUE:
                return replace(known, ended=Ended.CATALOGUED, reason=decision.reason, sentence=decision.sentence)
        assert_never(decision.answer)

    def building(self, step: Step) -> StageOutcome:
        """The image's state is known."""
        match step:
            case Start():
                return self.waiting(
                    Reason.BUILDING, "La fabrication de l'image est demandée à la forge.", retry_after_s=2.0
                )
            case Wait(pipeline=pipeline, retry_after_s=seconds):
                sentence = f"La forge fabrique l'image (pipeline {pipeline.id})."
                return replace(self, pipeline_url=pipeline.url).waiting(
                    Reason.BUILDING, sentence, retry_after_s=seconds
                )
            case GiveUp(reason=reason, sentence=sentence, pipeline=failed):
                return replace(self, pipeline_url=failed.url if failed else None).refused(reason, sentence)
            case GoOn(image=image, pipeline=pipeline):
                return replace(self, image=image.reference, pipeline_url=pipeline.url)
        assert_never(step)

    def observed(self, seen: Observation) -> StageOutcome:
        """A wave's state is known. A refusal of the newest commit stays what the pass says."""
        known = replace(self, serving=seen.serving)
        if self.over:
            return known
        match seen.progress:
            case Progress.DONE:
                return known
            case Progress.UNDER_WAY:
                return known.waiting(seen.reason, seen.sentence, retry_after_s=seen.retry_after_s)
            case Progress.FAILED:
                return known.refused(seen.reason, seen.sentence)
        assert_never(seen.progress)


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


def commit_statuses(app: App, outcome: StageOutcome) -> tuple[CommitStatus, ...]:
    """What the developer reads on the commit of one stage: ``amcloud/psram`` and ``amcloud/<stage>``."""
    raise NotImplementedError


def status(
    app: App,
    outcomes: tuple[StageOutcome, ...],
    previous: Mapping[str, Any],
    *,
    forge_problem: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The whole ``status`` of the LocalApp, kstatus-compatible; transition times move only when a status flips."""
    raise NotImplementedError


def invalid_status(
    field: str, problem: str, metadata: Mapping[str, Any], previous: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """Status of a manifest that could not be parsed; what served is kept in it."""
    raise NotImplementedError


def events(
    previous: Mapping[str, Any], current: Mapping[str, Any], outcomes: tuple[StageOutcome, ...]
) -> tuple[Event, ...]:
    """Events for what changed between two statuses, and for what was put back; none when nothing did."""
    raise NotImplementedError


def data_left(namespace: str, error: AmcloudError) -> Event:
    """The event that says that a database could not be removed with its application."""
    raise NotImplementedError


def retry_after_s(outcomes: tuple[StageOutcome, ...], forge_problem: str | None) -> float | None:
    """Seconds until the next pass is useful: the soonest of the stages, sooner than the resync if the forge is owed news."""
    raise NotImplementedError
