"""What an accepted commit counted, drawn from its evidence and its report."""

from __future__ import annotations

import msgspec
from amcloud_samples import ONE, report, result

from amcloud.clients import baseline
from psram.collect.memory import collect_files
from psram.evidence import SCHEMA, Bundle
from psram.model import Context, Stage, Track
from psram.proofs import Accepted, Evidence, PipelineEvidence, QualityReport, TestSummary


def bundle(evidence: Evidence) -> Bundle:
    made = report()
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, made.evaluated_on, evidence=evidence)
    return Bundle(SCHEMA, "1", ONE, made.tree, made.pack, context)


def test_tests_coverage_and_baseline_come_from_the_evidence() -> None:
    evidence = Evidence(
        pipeline=PipelineEvidence(ONE, "success", tests=TestSummary(12, 0, 0, 0)),
        quality=(
            QualityReport("cobertura", ONE, totals={"lines": 200.0, "covered": 150.0}),
            QualityReport("phpstan", ONE, totals={"baseline": 7.0}),
        ),
    )
    assert baseline.accepted(report(), bundle(evidence)) == Accepted(ONE, tests=12, coverage=0.75, baseline=7)


def test_what_nobody_measured_is_not_known() -> None:
    empty = Evidence(quality=(QualityReport("cobertura", ONE, totals={"lines": 0.0, "covered": 0.0}),))
    assert baseline.accepted(report(), bundle(empty)) == Accepted(ONE)


def test_the_findings_it_had_are_known_by_their_fingerprints() -> None:
    told = result()
    marked = msgspec.structs.replace(told.findings[0], fingerprint="f1")
    found = baseline.accepted(report(ONE, msgspec.structs.replace(told, findings=(marked, marked))), bundle(Evidence()))
    assert found.fingerprints == ("f1",)


def test_the_errors_that_this_commit_has_phpstan_ignore_are_counted_for_the_next_one() -> None:
    neon = b"parameters:\n  ignoreErrors:\n    -\n      message: '#a#'\n      count: 3\n    - '#b#'\n"
    facts = collect_files({"phpstan-baseline.neon": neon})
    phpstan, phpcs = QualityReport("phpstan", ONE, totals={"errors": 0.0}), QualityReport("phpcs", ONE)
    counted = baseline.counted((phpstan, phpcs), facts)
    assert [report.totals for report in counted] == [{"errors": 0.0, "baseline": 4.0}, {}]
    assert baseline.accepted(report(), bundle(Evidence(quality=counted))).baseline == 4
