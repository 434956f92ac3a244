"""TST-001 and the last accepted commit: fewer tests are said, and alone do not forbid going back to a revision."""

from __future__ import annotations

from datetime import date

import pytest

from psram import checks
from psram.facts import Facts
from psram.model import Context, Severity, Stage, Track, Verdict
from psram.proofs import Accepted, Evidence, PipelineEvidence, TestSummary

COMMIT = "1" * 40


@pytest.mark.parametrize(
    ("failures", "before", "verdict", "milder"),
    [
        pytest.param(0, 5, Verdict.CONFORMING, None, id="as many as before"),
        pytest.param(0, 9, Verdict.VIOLATED, Severity.MAJOR, id="fewer, all green"),
        pytest.param(1, 9, Verdict.VIOLATED, None, id="fewer, one red"),
        pytest.param(0, None, Verdict.CONFORMING, None, id="not known before"),
    ],
)
def test_only_tests_that_disappeared_are_milder(
    failures: int, before: int | None, verdict: Verdict, milder: Severity | None
) -> None:
    run = PipelineEvidence(COMMIT, "success", TestSummary(5, failures, 0, 0))
    evidence = Evidence(pipeline=run, accepted=Accepted("2" * 40, tests=before))
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1), evidence=evidence)
    answer = checks.find("TST-001")(Facts(commit=COMMIT, tree="3" * 40), {"max_skipped_ratio": 0.2}, context)
    assert (answer.verdict, answer.milder) == (verdict, milder)
