"""The sample application judged later: the outcome is the one that was announced, on the day that was announced."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from psram import horizon, packs
from psram.judge import judge
from psram.model import Php, Report, ReportVerdict
from psram.mutations import data
from psram.mutations.inject import Sample

ROOT = Path(__file__).parents[3]
PACK = packs.load()

if shutil.which(Php().program) is None:
    pytest.skip("the hosted PHP is not installed: nothing can be 100 % conforming without it", allow_module_level=True)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(ROOT / "sandbox/apps/suivi-courriers", data.context(), php=Php())


def judged(sample: Sample, day: date) -> Report:
    """The report of the same facts on another day, what the platform renews by itself renewed."""
    return judge(sample.facts, PACK, horizon.on_day(sample.context(), day))


def test_the_announced_day_is_the_one_on_which_it_changes(sample: Sample) -> None:
    today = sample.context().evaluated_on
    announced = judged(sample, today).horizon
    assert announced is not None
    assert announced.on is not None, "the table of maintained branches gives an end to PHP and Symfony"
    assert announced.sentence.startswith(f"Conforme jusqu'au {announced.on - timedelta(days=1)} inclus")
    for rule_id in announced.rules:
        assert rule_id in announced.sentence
    before, on = judged(sample, announced.on - timedelta(days=1)), judged(sample, announced.on)
    assert before.verdict is ReportVerdict.CONFORMING
    assert on.verdict is announced.verdict is ReportVerdict.VIOLATED
    assert {r.rule_id for r in on.blocking()} == set(announced.rules)


def test_a_year_later_the_outcome_is_the_announced_one(sample: Sample) -> None:
    today = sample.context().evaluated_on
    announced = judged(sample, today).horizon
    assert announced is not None
    later = today + timedelta(days=365)
    report = judged(sample, later)
    expected = ReportVerdict.CONFORMING if announced.on is None or later < announced.on else announced.verdict
    assert report.verdict is expected
    assert report.horizon is not None
    if report.verdict is ReportVerdict.CONFORMING:
        assert report.horizon == announced


def test_every_month_until_then_nothing_changes(sample: Sample) -> None:
    """No check depends on the date without announcing it: month by month, what blocks is what was announced."""
    day = sample.context().evaluated_on
    end = judged(sample, day).horizon
    assert end is not None
    assert end.on is not None
    while day < end.on:
        assert judged(sample, day).blocking() == (), day
        day += timedelta(days=30)
