"""The table of badges: what serves, what was refused, what the calendar says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest
from amcloud_samples import ONE, ORGANISATIONS, TWO, manifest, report, result

from amcloud.stages.declared.app import App, StageName
from amcloud.stages.manifest import parse
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.to_forge import badge
from amcloud.stages.to_forge.badge import Badge, State
from psram.model import Horizon, Report, ReportVerdict, Verdict

TODAY = date(2026, 3, 2)
HOSTED = replace(
    StageOutcome.begin(StageName.ACCEPTANCE, None), commit=ONE, deployed=Revision(ONE, "image@sha256:1")
).served(url="https://x", organisations=())
NEWER = replace(HOSTED, commit=TWO)
BROKEN = report(ONE, result())
UNDECIDED = report(ONE, result(verdict=Verdict.UNKNOWN, missing="preuve"))


def app(**spec: Any) -> App:
    return parse(manifest(**spec), ORGANISATIONS, lambda _: "671")


def until(on: date | None, verdict: ReportVerdict = ReportVerdict.VIOLATED) -> Report:
    """Conforming until then."""
    return msgspec.structs.replace(report(ONE), horizon=Horizon("", on=on, verdict=verdict))


@pytest.mark.parametrize(
    ("outcome", "serving", "state", "day"),
    [
        pytest.param(HOSTED, report(ONE), State.CONFORMING, TODAY, id="it serves and conforms"),
        pytest.param(HOSTED, until(None), State.CONFORMING, TODAY, id="for ever, as far as is known"),
        pytest.param(HOSTED, until(date(2026, 12, 1)), State.CONFORMING, TODAY, id="for long"),
        pytest.param(HOSTED, until(date(2026, 5, 1)), State.WARNED, date(2026, 5, 1), id="not for long"),
        pytest.param(HOSTED, until(date(2026, 3, 1)), State.WARNED, None, id="an old report foresaw that it ends"),
        pytest.param(HOSTED, BROKEN, State.WARNED, None, id="it no longer conforms"),
        pytest.param(HOSTED, UNDECIDED, State.WARNED, None, id="nobody can tell any more"),
        pytest.param(
            NEWER.refused(Reason.NOT_CONFORMANT, ""), report(ONE), State.CONFORMING, TODAY, id="a bad push, no more"
        ),
        pytest.param(NEWER.refused(Reason.NOT_CONFORMANT, ""), BROKEN, State.FROZEN, None, id="refused for it too"),
        pytest.param(NEWER.refused(Reason.BUILD_FAILED, ""), BROKEN, State.WARNED, None, id="refused otherwise"),
        pytest.param(HOSTED.refused(Reason.NOT_CONFORMANT, ""), BROKEN, State.WARNED, None, id="nothing newer"),
        pytest.param(replace(HOSTED, deployed=None), None, State.NOT_HOSTED, None, id="not hosted"),
    ],
)
def test_a_badge_speaks_of_what_serves(
    outcome: StageOutcome, serving: Report | None, state: State, day: date | None
) -> None:
    found = badge.of(app(), outcome, serving, suspended=False, today=TODAY)
    assert found is not None
    assert (found.stage, found.state, found.day) == (StageName.ACCEPTANCE, state, day)
    assert 0 < len(found.sentence) <= 255


def test_a_suspended_application_is_frozen_whatever_its_quality() -> None:
    found = badge.of(app(), HOSTED, report(ONE), suspended=True, today=TODAY)
    assert found is not None and found.state is State.FROZEN


def test_what_is_never_hosted_is_not_said_to_conform() -> None:
    found = badge.of(app(track="hors-standard"), HOSTED, report(ONE), suspended=False, today=TODAY)
    assert found is not None and found.state is State.NOT_HOSTED and "hors-standard" in found.sentence


@pytest.mark.parametrize("serving", [None, report(TWO)])
def test_what_is_not_known_changes_nothing(serving: Report | None) -> None:
    assert badge.of(app(), HOSTED, serving, suspended=False, today=TODAY) is None


def test_the_badge_of_an_application_is_that_of_the_last_stage_that_hosts_it() -> None:
    made = {stage: Badge(stage, State.CONFORMING, "") for stage in StageName}
    empty = Badge(StageName.PRODUCTION, State.NOT_HOSTED, "")
    assert badge.shown(made.values()) == made[StageName.PRODUCTION]
    assert badge.shown([made[StageName.DEVELOPMENT], made[StageName.ACCEPTANCE], empty]) == made[StageName.ACCEPTANCE]
    assert badge.shown([empty]) == empty
    assert badge.shown([]) is None
