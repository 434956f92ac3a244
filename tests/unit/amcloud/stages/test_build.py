"""Step 4: the image of a commit, from pipelines and registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from amcloud_samples import DIGEST, ONE, START, TWO, image_of

from amcloud.stages.build import (
    POLL_MOST_S,
    POLL_S,
    RELAUNCHES_S,
    GiveUp,
    GoOn,
    Image,
    Pipeline,
    PipelineStatus,
    Start,
    Step,
    Wait,
    next_step,
)
from amcloud.stages.reasons import Reason

S = PipelineStatus
IMAGE = image_of(ONE)


def pipeline(number: int, status: PipelineStatus, *, age_s: float = 60) -> Pipeline:
    return Pipeline(number, status, START - timedelta(seconds=age_s), f"https://forge.example/{number}")


def step(*pipelines: Pipeline, image: Image | None = None, seen_s: float = 60) -> Step:
    return next_step(
        ONE, pipelines, image, seen_at=START - timedelta(seconds=seen_s), now=START, grace_s=10, deadline_s=3600
    )


def test_a_fresh_commit_without_pipeline_waits_for_the_push_to_bring_one() -> None:
    assert step(seen_s=4) == Wait(None, 6.0)


def test_a_commit_without_pipeline_gets_one_after_the_grace() -> None:
    assert step(seen_s=10) == Start()


@pytest.mark.parametrize("status", [S.PENDING, S.RUNNING])
def test_a_pipeline_under_way_is_waited_for(status: PipelineStatus) -> None:
    assert isinstance(step(pipeline(1, status)), Wait)
    assert isinstance(step(pipeline(1, status), image=IMAGE), Wait), "an image alone proves nothing"


def test_a_success_with_its_own_image_goes_on() -> None:
    found = pipeline(1, S.SUCCESS)
    assert step(found, image=IMAGE) == GoOn(IMAGE, found)


@pytest.mark.parametrize("newer", [S.RUNNING, S.FAILED, S.CANCELED, S.SKIPPED])
def test_one_success_is_enough_whatever_runs_again_later(newer: PipelineStatus) -> None:
    found = pipeline(1, S.SUCCESS)
    assert step(pipeline(2, newer), found, image=IMAGE) == GoOn(IMAGE, found)


@pytest.mark.parametrize("revision", [TWO, "", ONE[:12]])
def test_an_image_that_announces_another_commit_is_refused(revision: str) -> None:
    outcome = step(pipeline(1, S.SUCCESS), image=Image(f"registre.example/x@{DIGEST}", revision))
    assert isinstance(outcome, GiveUp)
    assert outcome.reason is Reason.IMAGE_REFUSED


def test_a_success_without_image_says_what_to_check() -> None:
    outcome = step(pipeline(1, S.SUCCESS))
    assert isinstance(outcome, GiveUp)
    assert (outcome.reason, ".gitlab-ci.yml" in outcome.sentence) == (Reason.IMAGE_REFUSED, True)


@pytest.mark.parametrize(
    ("status", "words"),
    [(S.FAILED, "échoué"), (S.CANCELED, "annulé"), (S.SKIPPED, "skip ci"), (S.MANUAL, "action manuelle")],
)
@pytest.mark.parametrize("image", [None, IMAGE])
def test_a_pipeline_that_ended_otherwise_says_who_must_act(
    status: PipelineStatus, words: str, image: Image | None
) -> None:
    outcome = step(pipeline(7, status), image=image)
    assert isinstance(outcome, GiveUp)
    assert outcome.reason is Reason.BUILD_FAILED
    assert words in outcome.sentence and "7" in outcome.sentence


def test_a_pipeline_past_the_deadline_is_given_up_and_still_taken_when_it_ends() -> None:
    late = pipeline(1, S.RUNNING, age_s=3601)
    assert isinstance(step(late), GiveUp)
    assert isinstance(step(pipeline(1, S.SUCCESS, age_s=9999), image=IMAGE), GoOn)


def test_a_newer_run_under_way_hides_an_older_failure() -> None:
    assert isinstance(step(pipeline(2, S.RUNNING), pipeline(1, S.FAILED)), Wait)


def faulty(number: int, *, ended_s: float) -> Pipeline:
    """A pipeline that failed because the registry was down, so many seconds ago."""
    ended = START - timedelta(seconds=ended_s)
    return replace(pipeline(number, S.FAILED), fault="le registre ne répondait pas", ended_at=ended)


def test_a_failure_by_the_platform_s_fault_is_told_and_started_again_by_itself() -> None:
    waits = step(faulty(1, ended_s=10))
    assert isinstance(waits, Wait) and waits.retry_after_s == RELAUNCHES_S[0] - 10
    assert "registre" in waits.sentence and "tout seul" in waits.sentence
    assert waits.sentence == getattr(step(faulty(1, ended_s=10)), "sentence", ""), "the same until it is due"
    assert step(faulty(1, ended_s=RELAUNCHES_S[0])) == Start()


def test_each_relaunch_comes_later_and_there_are_three_at_most() -> None:
    for number, after_s in enumerate(RELAUNCHES_S, start=1):
        failed = [faulty(one, ended_s=after_s - 1) for one in range(number, 0, -1)]
        assert isinstance(step(*failed), Wait)
        assert step(*(replace(one, ended_at=START - timedelta(seconds=after_s)) for one in failed)) == Start()
    given_up = step(*(faulty(one, ended_s=9999) for one in range(len(RELAUNCHES_S) + 1, 0, -1)))
    assert isinstance(given_up, GiveUp) and "plateforme" in given_up.sentence


def test_a_failure_of_its_own_is_not_started_again_whatever_failed_before() -> None:
    assert isinstance(step(pipeline(2, S.FAILED), faulty(1, ended_s=9999)), GiveUp)


def test_failures_before_one_of_its_own_are_not_counted() -> None:
    older = [faulty(one, ended_s=9999) for one in (3, 2, 1)]
    assert step(faulty(5, ended_s=RELAUNCHES_S[0]), pipeline(4, S.FAILED), *older) == Start()


@pytest.mark.parametrize(("age_s", "poll_s"), [(1, POLL_S), (60, POLL_S), (240, 20.0), (3000, POLL_MOST_S)])
def test_a_pipeline_that_lasts_is_looked_at_less_and_less_often(age_s: float, poll_s: float) -> None:
    waits = step(pipeline(1, S.RUNNING, age_s=age_s))
    assert isinstance(waits, Wait) and waits.retry_after_s == poll_s
