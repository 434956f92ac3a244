"""Merge requests of an application's project: each of their commits gets a verdict, and nothing of them is built.

The newest commit of each is judged again in every pass, as those of stages are; earlier ones once. So is the newest
commit of the branch that each leads to, where no stage does it: only then can be said what is new. A verdict is kept
after it was told, so that a pass that was killed between both tells it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from amcloud import errors
from amcloud.admission import judge
from amcloud.ports import Judged, Question, World
from amcloud.stages import report
from amcloud.stages.declared.app import App, Stage, StageName
from amcloud.stages.gate import Moment
from amcloud.stages.report import StageOutcome
from amcloud.stages.to_forge import merge_requests
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.model import Report

AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Review:
    """The verdict on the newest commit of a merge request; ``judged`` is ``None`` while there is none.

    Of a commit that a stage follows, ``outcome`` is that stage's.
    """

    request: MergeRequest
    stage: Stage
    outcome: StageOutcome
    judged: Judged | None
    before: Report | None = None
    """That of the target branch's newest commit, once there is one."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a pass learnt of a project's merge requests."""

    reviews: tuple[Review, ...] = ()
    after_s: float | None = None
    """When another pass is useful to go on."""
    problem: errors.AmcloudError | None = None
    """Why not all of it could be done."""


def review(app: App, outcomes: Sequence[StageOutcome], world: World) -> Reviewed:
    """Verdicts on the commits of open merge requests, told on them; those that a stage follows are left to it.

    A refusal concerns one merge request, a second one ends this pass's look; so does a service that does not answer.
    """
    if not app.stages or all(outcome.commit is None for outcome in outcomes):
        return Reviewed()  # nothing is known of the repository
    try:
        followed = {one.commit: one for one in reversed(outcomes) if one.commit is not None}
        bench = _Bench(app, outcomes, followed, world, world.cluster.forge_token(app))
        requests = world.forge.merge_requests(app.source.project)
    except errors.RepositoryRefusedError:
        return Reviewed()  # merge requests are switched off, or hidden: the stages say it if so
    except errors.AmcloudError as error:
        return Reviewed(problem=error)
    reviews: list[Review] = []
    after_s: float | None = None
    problem: errors.AmcloudError | None = None
    for request in requests:
        try:
            for one in bench.reviewed(request):
                if isinstance(one, Review):
                    reviews.append(one)
                else:
                    after_s = min(one, after_s or one)
        except errors.AmcloudError as error:
            problem, earlier = error, problem
            if earlier is not None or not isinstance(error, errors.RepositoryRefusedError):
                break
    return Reviewed(tuple(reviews), after_s, problem)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was found of one commit; ``judged`` is ``None`` while nothing was, or where it cannot be read."""

    commit: str
    outcome: StageOutcome
    judged: Judged | None = None
    question: Question | None = None


@dataclass
class _Bench:
    """What the verdicts of one pass have in common."""

    app: App
    outcomes: Sequence[StageOutcome]
    followed: Mapping[str, StageOutcome]
    """What the pass found of each commit that a stage follows."""
    world: World
    token: str | None
    left: int = merge_requests.COMMITS_A_PASS
    _heads: Mapping[str, str] | None = None
    _targets: dict[tuple[StageName, str], _Verdict] = field(default_factory=dict)

    def reviewed(self, request: MergeRequest) -> Iterator[Review | float]:
        """The review of a merge request, and the seconds after which to go on.

        The review comes before anything is told: where the forge takes no status, the note still says the verdict.
        """
        stage = merge_requests.stage_for(self.app, request)
        if stage is None:
            return
        # a commit that a stage follows was judged by the stage's own pass, by the rules of where it is
        own = None if request.commit in self.followed else self._verdict(stage, request.commit)
        before, target = self._before(request, stage)
        if own is None:
            yield Review(request, stage, self.followed[request.commit], None, before)
        else:
            yield Review(request, stage, own.outcome, own.judged, before)
            yield from self._tell(own, request.head)
        if target is not None:
            yield from self._tell(target)
        commits = self.world.forge.merge_request_commits(self.app.source.project, request)
        judged_already = self.world.reports.judged(self.app, stage.name, commits)
        earlier = merge_requests.unseen(commits, judged={*judged_already, request.commit}, of_stages=self.followed)
        for commit in earlier[: self.left]:
            yield from self._tell(self._verdict(stage, commit), request.head)
            self.left -= 1
        if earlier and self.left == 0:
            yield AGAIN_S

    def _before(self, request: MergeRequest, stage: Stage) -> tuple[Report | None, _Verdict | None]:
        """The report of the target branch's newest commit; its verdict, if it was judged here and now.

        That is where no stage does it, once a pass for each branch. A branch that is closed to us has none.
        """
        names = merge_requests.following(self.app, request.target_branch)
        outcome = next((one for one in self.outcomes if one.stage in names), None)
        if names and (outcome is None or outcome.commit is None):
            return None, None
        commit = outcome.commit if outcome is not None else self._head(request.target_branch)
        if commit is None:
            return None, None
        if (same := self.followed.get(commit)) is not None:
            return same.report or self.world.reports.report(self.app, same.stage, commit), None
        key, fresh = (stage.name, commit), None
        if key not in self._targets:
            fresh = self._targets[key] = self._verdict(stage, commit)
        judged = self._targets[key].judged
        return judged.report if judged else self.world.reports.report(self.app, stage.name, commit), fresh

    def _head(self, branch: str) -> str | None:
        if self._heads is None:
            try:
                self._heads = self.world.source.refs(self.app.source.project, self.token)
            except errors.RepositoryRefusedError:
                self._heads = {}  # the stages say it
        return self._heads.get(f"refs/heads/{branch}")

    def _verdict(self, stage: Stage, commit: str) -> _Verdict:
        """The verdict on a commit, told to nobody yet."""
        world, app = self.world, self.app
        was = next((one.was.commit for one in self.outcomes if one.stage is stage.name and one.was), None)
        so_far = replace(StageOutcome.begin(stage.name, None), commit=commit, correlation=world.cause)
        try:
            question = Question.of(app, stage, commit, self.token, world, was=was, now=world.clock.now())
            so_far, judged = judge(question, Moment.BUILD, world, so_far)
        except (errors.RepositoryRefusedError, errors.BrokenInstallationError) as error:
            return _Verdict(commit, so_far.interrupted(error))
        if judged is not None:
            so_far = replace(so_far, report_url=world.reports.url(app, stage.name, commit))
        return _Verdict(commit, so_far, judged, question)

    def _tell(self, verdict: _Verdict, ref: str = "") -> Iterator[float]:
        """The verdict is told on its commit and kept; the seconds after which there may be one, where there is none."""
        if verdict.outcome.retry_after_s is not None:
            yield verdict.outcome.retry_after_s
        if (status := report.review_status(self.app, verdict.outcome)) is not None:
            self.world.forge.set_status(self.app.source.project, verdict.commit, status, ref=ref)
        if verdict.judged is not None and verdict.question is not None:
            self.world.reports.keep(verdict.question, verdict.judged)
