"""Hours are told as people in France live them, summer and winter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from amcloud import paris
from amcloud.stages import build
from amcloud.stages.build import Pipeline, PipelineStatus

SUMMER, WINTER = datetime(2026, 7, 31, 22, 5, tzinfo=UTC), datetime(2026, 12, 31, 22, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "said", "day"),
    [
        pytest.param(SUMMER, "01/08/2026 00:05 (heure de Paris)", date(2026, 8, 1), id="summer, and another day"),
        pytest.param(WINTER, "31/12/2026 23:05 (heure de Paris)", date(2026, 12, 31), id="winter: one hour"),
    ],
)
def test_a_moment_is_told_in_the_time_of_its_readers(moment: datetime, said: str, day: date) -> None:
    assert paris.day_and_hour(moment) == said
    assert paris.today(moment) == day


def test_a_pipeline_that_will_be_tried_again_says_when_in_that_time() -> None:
    failed = Pipeline(7, PipelineStatus.FAILED, SUMMER, "", ended_at=SUMMER, fault="exécuteur perdu")
    step = build.next_step("a" * 40, (failed,), None, seen_at=SUMMER, now=SUMMER, grace_s=30, deadline_s=3600)
    due = SUMMER + timedelta(seconds=build.RELAUNCHES_S[0])
    assert isinstance(step, build.Wait) and f"à {paris.hour(due)}" in step.sentence
