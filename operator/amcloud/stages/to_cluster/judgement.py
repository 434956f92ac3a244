"""What a status and a ``ConformanceReport`` say of a verdict, in the words of their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final

from amcloud.paris import PARIS
from amcloud.stages.conditions import bounded, rfc3339
from amcloud.stages.gate import moments
from amcloud.stages.outcome import StageOutcome
from psram.model import Report, ReportVerdict, Verdict

BLOCKING_MOST: Final = 10
SENTENCE_MOST: Final = 255
COUNTED: Final[Mapping[Verdict, str]] = {
    Verdict.CONFORMING: "conforme",
    Verdict.VIOLATED: "nonConforme",
    Verdict.UNKNOWN: "indetermine",
    Verdict.TO_VALIDATE: "aValider",
    Verdict.NOT_APPLICABLE: "nonApplicable",
    Verdict.DEROGATED: "deroge",
    Verdict.NOT_EVALUATED: "nonEvalue",
}
"""Names of the counts, by verdict of a rule."""


def of(outcome: StageOutcome) -> dict[str, Any] | None:
    """``status.stages[].conformance``; ``None`` when nothing was judged."""
    report = outcome.report
    if report is None or outcome.moment is None:
        return None
    counted = moments(outcome.stage, outcome.moment)
    until = conforming_until(report) if outcome.verdict is ReportVerdict.CONFORMING else None
    return {
        "pack": report.pack.name,
        "verdict": str(outcome.verdict),
        "sentence": bounded(report.sentence_for(counted), SENTENCE_MOST),
        "counts": counts(report),
        "blocking": [_blocking(r.rule_id, r.title, r.findings) for r in report.blocking(counted)[:BLOCKING_MOST]],
        **({"reportRef": {"name": outcome.report_name}} if outcome.report_name else {}),
        **({"reportURL": outcome.report_url} if outcome.report_url else {}),
        **({"conformingUntilTime": until} if until else {}),
    }


def counts(report: Report) -> dict[str, int]:
    """How many rules have each verdict that some rule has."""
    found = Counter(result.verdict for result in report.results)
    return {COUNTED[verdict]: number for verdict, number in sorted(found.items())}


def conforming_until(report: Report) -> str | None:
    """The moment, midnight in Paris, from which another verdict is foreseen though no code changes; or ``None``."""
    if report.horizon is None or report.horizon.on is None:
        return None
    return rfc3339(datetime.combine(report.horizon.on, time(), PARIS).astimezone(UTC))


def _blocking(rule: str, title: str, findings: Sequence[Any]) -> dict[str, Any]:
    first = findings[0] if findings else None
    entry: dict[str, Any] = {"rule": bounded(rule, 40), "title": bounded(title, 200)}
    if first is not None and first.path:
        entry["path"] = bounded(first.path, 300)
        entry["line"] = first.line
    return entry
