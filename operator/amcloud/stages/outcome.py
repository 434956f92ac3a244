"""What a pass learnt and did about one stage, built step by step. Its translation for people is in ``report``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from amcloud import errors
from amcloud.stages import provenance
from amcloud.stages.build import GiveUp, GoOn, Start, Step, Wait
from amcloud.stages.declared.app import Organisation, Size, StageName
from amcloud.stages.declared.connectors import Connector
from amcloud.stages.declared.intention import Intention, Kind
from amcloud.stages.gate import Answer, Decision, Moment, moments
from amcloud.stages.observe import Observation, Progress
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.storage import Storage
from amcloud.stages.seen.walk import Walk
from psram.model import Report, ReportVerdict

RETRY_UNAVAILABLE_S = 15.0


class Ended(StrEnum):
    """How the pass over one stage ended; ``GOING`` while it has not."""

    GOING = "going"
    SERVING = "serving"
    WAITING = "waiting"
    REFUSED = "refused"
    CATALOGUED = "catalogued"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A revision that was let in, did not come to serve, and gave way to the one that served before."""

    revision: Revision
    reason: Reason
    sentence: str
    at: datetime
    request: str
    """What people asked of the stage then, by intention and means: anything else is a reason to try again."""


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """All that a pass learnt and did about one stage; every method gives a new value."""

    stage: StageName
    ended: Ended = Ended.GOING
    reason: Reason = Reason.CHECKING
    sentence: str = ""
    retry_after_s: float | None = None
    commit: str | None = None
    seen_at: datetime | None = None
    """When ``commit`` was first seen at this stage."""
    correlation: str = ""
    """Name of what brought ``commit`` here: a delivery of the forge, or the pass that found it."""
    renamed: str = ""
    """The project's path on the forge, where the manifest says another one."""
    moment: Moment | None = None
    """When the gate was last asked in this pass."""
    report: Report | None = None
    report_url: str | None = None
    report_name: str | None = None
    pipeline_url: str | None = None
    image: str | None = None
    """Image of ``commit``, once built."""
    was: Revision | None = None
    """The revision that had been let in before this pass."""
    deployed: Revision | None = None
    """The revision that is let in and should serve now; an older one when ``commit`` was refused."""
    serving: bool | None = None
    """Whether any pod answers; ``None`` when the pass did not look."""
    url: str | None = None
    """Address of the instance once ``deployed`` is wholly in service."""
    organisations: tuple[str, ...] = ()
    database_ready: bool = False
    storage: Storage | None = None
    """How full the database is; ``None`` when this pass did not look."""
    isolation: Isolation | None = None
    """What the probe of the instance's database saw; ``None`` when this pass did not come so far."""
    restored: tuple[str, ...] = field(default=())
    """Objects that somebody had changed and that were put back."""
    left: tuple[str, ...] = ()
    """Organisations that this pass ceases to serve."""
    rotated: str = ""
    """Token of the last request for new credentials that is wholly done: the former ones open nothing any more."""
    offered: Mapping[str, Connector] = field(default_factory=dict)
    """The connectors that the application declares, as the platform offers them; those absent do not exist."""
    ref_commit: str | None = None
    """What the stage's ref names while ``commit`` is one that was promoted to it."""
    intention: Intention | None = None
    """What a person asked of the stage, as far as it holds now."""
    proven: bool = False
    """Whether ``deployed`` is the revision that served wholly last: its failure is no rollout's."""
    failed: Observation | None = None
    """How the wave that ``deployed`` was in failed."""
    withdrawn: Withdrawn | None = None
    """The revision that is not tried again by itself."""
    size: Size | None = None
    """Size in which the pass hosted the instance; ``None`` when it did not come so far."""
    put_off: str = ""
    """Why a bigger size, asked for, is not given; empty when what is asked for is given."""
    problem: str = ""
    """What stands in the way of ``deployed`` while the pass speaks of a newer commit."""

    @classmethod
    def begin(cls, stage: StageName, deployed: Revision | None) -> StageOutcome:
        """Before anything is known but the revision that was let in last."""
        return cls(stage, was=deployed, deployed=deployed)

    @property
    def promoted(self) -> bool:
        """Whether ``commit`` is not what the stage's ref names but what was promoted to it."""
        return self.intention is not None and self.intention.kind is Kind.PROMOTE

    @property
    def held(self) -> bool:
        """Whether a person chose the revision that serves, whatever is pushed."""
        return self.intention is not None and self.intention.kind is Kind.HOLD

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done for ``commit`` in this pass."""
        return self.ended is not Ended.GOING

    @property
    def verdict(self) -> ReportVerdict | None:
        """What the rules that count here and now say of ``commit``; ``None`` when they were not asked."""
        if self.report is None or self.moment is None:
            return None
        return self.report.verdict_for(moments(self.stage, self.moment))

    @property
    def partial(self) -> bool:
        """Whether rules that count at this stage still wait for evidence that the pipeline brings."""
        return self.moment is not None and moments(self.stage, self.moment) != moments(self.stage, Moment.HOST)

    def waiting(self, reason: Reason, sentence: str, *, retry_after_s: float) -> StageOutcome:
        """Nobody needs to act; the pass comes again by itself."""
        return replace(self, ended=Ended.WAITING, reason=reason, sentence=sentence, retry_after_s=retry_after_s)

    def checking(self, sentence: str, *, retry_after_s: float) -> StageOutcome:
        """The commit is being read; one that was let in before goes on serving, and nothing new is said of it."""
        if self.was is not None and self.was.commit == self.commit:
            return replace(self, retry_after_s=retry_after_s)
        return self.waiting(Reason.CHECKING, sentence, retry_after_s=retry_after_s)

    def refused(self, reason: Reason, sentence: str) -> StageOutcome:
        """Somebody must act; what serves goes on serving."""
        return replace(self, ended=Ended.REFUSED, reason=reason, sentence=sentence, retry_after_s=None)

    def blocked(self, reason: Reason, sentence: str) -> StageOutcome:
        """Somebody must act before ``deployed`` can serve. A refusal of a newer commit stays what the pass says."""
        return replace(self, problem=sentence) if self.over else self.refused(reason, sentence)

    def stopped(self, sentence: str, *, replicas: int, again_s: float) -> StageOutcome:
        """A suspension stops what serves, whatever else the pass had to say; looked at again while replicas remain."""
        told = replace(self.refused(Reason.SUSPENDED, sentence), serving=replicas > 0)
        return told.again(again_s) if replicas else replace(told, retry_after_s=self.retry_after_s)

    def probed(self, seen: Isolation) -> StageOutcome:
        """A probe ended; a leak between organisations stops the rollout, doubt does not (and is told)."""
        before = self.isolation or Isolation()
        whole = seen if seen.walk else replace(seen, walk=before.walk, walked_at=before.walked_at)
        known = replace(self, isolation=whole)
        return known.blocked(Reason.TENANT_LEAK, whole.sentence()) if known.leaks else known

    def walking(self, sentence: str, *, retry_after_s: float, serving: bool) -> StageOutcome:
        """The routes of ``deployed`` are being walked: it waits for that, unless it serves already."""
        if serving:
            doubt = Isolation(walk=Walk(problem="la sonde n'a pas encore parcouru ses routes"))
            return replace(self, isolation=doubt).again(retry_after_s)
        if self.over:
            return replace(self, problem=sentence, retry_after_s=retry_after_s)
        return self.waiting(Reason.ROLLING_OUT, sentence, retry_after_s=retry_after_s)

    @property
    def leaks(self) -> bool:
        """Whether one organisation was seen to reach what belongs to another."""
        return self.isolation is not None and self.isolation.isolated is False

    @property
    def tried(self) -> bool:
        """Whether ``deployed`` was walked as far as it must be, and nothing leaked."""
        return self.isolation is not None and not self.leaks

    def again(self, after_s: float) -> StageOutcome:
        """The same, and another pass in ``after_s`` seconds at the latest."""
        return replace(self, retry_after_s=min(after_s, self.retry_after_s or after_s))

    def served(self, *, url: str, organisations: tuple[Organisation, ...]) -> StageOutcome:
        """Every wave is done: the deployed revision answers. A refusal of a newer commit stays what the pass says."""
        known = replace(self, serving=True, url=url, organisations=tuple(o.code for o in organisations))
        if self.over:
            return known
        asked = self.intention
        if asked is not None and self.held:
            return replace(known, ended=Ended.SERVING, reason=Reason.PINNED, sentence=_pinned(asked))
        return replace(known, ended=Ended.SERVING, reason=Reason.SERVING, sentence="")

    def interrupted(self, error: errors.AmcloudError) -> StageOutcome:
        """The pass met an error: waiting if trying again may work, refused if somebody must act."""
        if self.over:
            retry_after_s = RETRY_UNAVAILABLE_S if isinstance(error, errors.UnavailableError) else self.retry_after_s
            return replace(self, problem=str(error), retry_after_s=retry_after_s)
        match error:
            case errors.UnavailableError():
                forge = isinstance(error, errors.ForgeUnavailableError)
                reason = Reason.FORGE_UNAVAILABLE if forge else Reason.SERVICE_UNAVAILABLE
                # half a verdict must not replace the whole one that an earlier pass gave
                known = replace(self, report=None, moment=None) if self.partial else self
                return known.waiting(reason, str(error), retry_after_s=error.retry_after_s or RETRY_UNAVAILABLE_S)
            case errors.RepositoryRefusedError():
                return self.refused(Reason.REPOSITORY_REFUSED, str(error))
            case errors.NotOwnedError():
                return self.refused(Reason.NOT_OWNED, str(error))
            case errors.InvalidManifestError():
                return self.refused(Reason.INVALID_MANIFEST, str(error))
            case _:
                return self.refused(Reason.BROKEN_INSTALLATION, str(error))

    def judged(self, moment: Moment, report: Report, decision: Decision) -> StageOutcome:
        """The gate has answered."""
        known = replace(self, moment=moment, report=report)
        match decision.answer:
            case Answer.GO:
                return known
            case Answer.REFUSE:
                return known.refused(decision.reason, decision.sentence)
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
            case Wait(pipeline=pipeline, retry_after_s=seconds, sentence=said):
                sentence = said or "Le pipeline de la forge est attendu."
                if pipeline is not None and not said:
                    sentence = f"La forge fabrique l'image (pipeline {pipeline.id})."
                url = pipeline.url if pipeline else None
                return replace(self, pipeline_url=url).waiting(Reason.BUILDING, sentence, retry_after_s=seconds)
            case GiveUp(reason=reason, sentence=sentence, pipeline=failed):
                return replace(self, pipeline_url=failed.url if failed else None).refused(reason, sentence)
            case GoOn(image=image, pipeline=pipeline):
                return replace(self, image=image.reference, pipeline_url=pipeline.url)
        assert_never(step)

    def attested(self, answer: provenance.Answer) -> StageOutcome:
        """Whether the image is proven to come from the commit is known."""
        if isinstance(answer, provenance.Refuse):
            return self.refused(Reason.IMAGE_REFUSED, answer.sentence)
        return self

    def observed(self, seen: Observation) -> StageOutcome:
        """A wave's state is known. A refusal of the newest commit stays what the pass says."""
        failed = seen if seen.progress is Progress.FAILED else None
        known = replace(self, serving=seen.serving, failed=failed)
        if self.over:
            done = seen.progress is Progress.DONE
            return known if done else replace(known, problem=seen.sentence, retry_after_s=_soonest(self, seen))
        match seen.progress:
            case Progress.DONE:  # with a sentence when something is to be known all the same
                return replace(known, problem=seen.sentence) if seen.sentence else known
            case Progress.UNDER_WAY:
                return known.waiting(seen.reason, seen.sentence, retry_after_s=seen.retry_after_s)
            case Progress.FAILED:
                return known.refused(seen.reason, seen.sentence)
        assert_never(seen.progress)


def _pinned(asked: Intention) -> str:
    why = f" ({asked.why})" if asked.why else ""
    who = asked.by or "quelqu’un"
    return f"Tenue sur {asked.commit[:8]} à la demande de {who}{why} ; les nouveaux commits attendent."


def _soonest(outcome: StageOutcome, seen: Observation) -> float | None:
    if seen.progress is Progress.FAILED:
        return outcome.retry_after_s
    return min(seen.retry_after_s, outcome.retry_after_s or seen.retry_after_s)
