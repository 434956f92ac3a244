"""What the last accepted commit counted, drawn from its stored report and evidence. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from psram.checks.php_008 import ignored_errors
from psram.evidence import Bundle
from psram.facts import Facts
from psram.model import Report
from psram.proofs import Accepted, QualityReport

FINGERPRINTS_MOST: Final = 5000


def accepted(report: Report, bundle: Bundle) -> Accepted:
    """What must not grow worse than in this commit. Findings beyond the bound are forgotten: they count as new."""
    evidence = bundle.context.evidence
    tests = evidence.pipeline.tests if evidence.pipeline else None
    found = sorted({finding.fingerprint for result in report.results for finding in result.findings})
    analysis = evidence.report("phpstan")
    baseline = analysis.totals.get("baseline") if analysis else None
    return Accepted(
        commit=report.commit,
        tests=tests.tests if tests else None,
        coverage=_coverage(bundle),
        baseline=None if baseline is None else int(baseline),
        fingerprints=tuple(found[:FINGERPRINTS_MOST]),
    )


def counted(quality: tuple[QualityReport, ...], facts: Facts) -> tuple[QualityReport, ...]:
    """The reports, PHPStan's with how many errors this commit has it ignore: the next commit may not add to them."""
    ignored = {"baseline": float(ignored_errors(facts))}
    return tuple(
        msgspec.structs.replace(each, totals={**each.totals, **ignored}) if each.tool == "phpstan" else each
        for each in quality
    )


def _coverage(bundle: Bundle) -> float | None:
    found = bundle.context.evidence.report("cobertura")
    lines = found.totals.get("lines", 0.0) if found else 0.0
    return round(found.totals.get("covered", 0.0) / lines, 6) if found and lines else None
