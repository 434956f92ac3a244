"""Merge requests of an application's project: each of their commits gets a verdict, and nothing of them is built.

The newest commit of each is judged again in every pass, as those of stages are; earlier ones once. A verdict is kept
after it was told, so that a pass that was killed between both tells it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from amcloud import errors
from amcloud.ports import Judged, Question, World
from amcloud.stages import merge_requests, report
from amcloud.stages.app import App, Stage
from amcloud.stages.merge_requests import MergeRequest
from amcloud.stages.report import StageOutcome
from amcloud.stages.verdict import Moment

AGAIN_S: Final = 5.0

Judge = Callable[[Question, Moment, World, StageOutcome], tuple[StageOutcome, Judged | None]]


@dataclass(frozen=True, slots=True)
class Review:
    """The verdict on the newest commit of a merge request; ``judged`` is ``None`` while there is none.

    Of a commit that a stage follows, ``outcome`` is that stage's.
    """

    request: MergeRequest
    stage: Stage
    outcome: StageOutcome
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a pass learnt of a project's merge requests."""

    reviews: tuple[Review, ...] = ()
    after_s: float | None = None
    """When another pass is useful to go on."""
    problem: errors.AmcloudError | None = None
    """Why not all of it could be done."""


def review(app: App, outcomes: Sequence[StageOutcome], world: World, judge: Judge) -> Reviewed:
    """Verdicts on the commits of open merge requests, told on them; those that a stage follows are left to it."""
    reviews: list[Review] = []
    after_s: float | None = None
    try:
        for one in _reviews(app, outcomes, world, judge):
            if isinstance(one, Review):
                reviews.append(one)
            else:
                after_s = min(one, after_s or one)
    except errors.RepositoryRefusedError:
        return Reviewed(tuple(reviews), after_s)  # merge requests are switched off, or hidden: the stages say it if so
    except errors.AmcloudError as error:
        return Reviewed(tuple(reviews), after_s, error)
    return Reviewed(tuple(reviews), after_s)


def _reviews(app: App, outcomes: Sequence[StageOutcome], world: World, judge: Judge) -> Iterator[Review | float]:
    """Each review, or the seconds after which to go on."""
    if not app.stages or all(outcome.commit is None for outcome in outcomes):
        return  # nothing is known of the repository
    project, token = app.source.project, world.cluster.forge_token(app)
    followed = [outcome.commit for outcome in outcomes]
    left = merge_requests.COMMITS_A_PASS
    for request in world.forge.merge_requests(project):
        stage = merge_requests.stage_for(app, request)
        if stage is None:
            continue
        was = next((o.was.commit for o in outcomes if o.stage is stage.name and o.was), None)
        if request.commit in followed:
            # the stage's own pass has judged it, by the rules of where it is
            yield Review(request, stage, outcomes[followed.index(request.commit)], None)
        else:
            outcome, judged = _told(app, stage, request.commit, token, world, judge, was)
            yield Review(request, stage, outcome, judged)
            if outcome.retry_after_s is not None:
                yield outcome.retry_after_s
        commits = world.forge.merge_request_commits(project, request)
        judged_already = world.reports.judged(app, stage.name, commits)
        earlier = merge_requests.unseen(commits, judged={*judged_already, request.commit}, of_stages=followed)
        for commit in earlier[:left]:
            _told(app, stage, commit, token, world, judge, was)
            left -= 1
        if len(earlier) > left or (earlier and left == 0):
            yield AGAIN_S


def _told(  # noqa: PLR0917 - one argument a thing that it depends on
    app: App, stage: Stage, commit: str, token: str | None, world: World, judge: Judge, was: str | None
) -> tuple[StageOutcome, Judged | None]:
    """The verdict on a commit, told on it and kept."""
    so_far = replace(StageOutcome.begin(stage.name, None), commit=commit, correlation=world.cause)
    judged: Judged | None = None
    try:
        question = Question.of(app, stage, commit, token, world, was=was, now=world.clock.now())
        so_far, judged = judge(question, Moment.BUILD, world, so_far)
    except (errors.RepositoryRefusedError, errors.BrokenInstallationError) as error:
        so_far = so_far.interrupted(error)
    if judged is not None:
        so_far = replace(so_far, report_url=world.reports.url(app, stage.name, commit))
    if (status := report.review_status(app, so_far)) is not None:
        world.forge.set_status(app.source.project, commit, status)
    if judged is not None:
        world.reports.keep(question, judged)
    return so_far, judged
