"""What the last accepted commit counted, drawn from its stored report and evidence. Pure."""

from __future__ import annotations

from typing import Final

from psram.evidence import Bundle
from psram.model import Report
from psram.proofs import Accepted

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


def _coverage(bundle: Bundle) -> float | None:
    found = bundle.context.evidence.report("cobertura")
    lines = found.totals.get("lines", 0.0) if found else 0.0
    return round(found.totals.get("covered", 0.0) / lines, 6) if found and lines else None
