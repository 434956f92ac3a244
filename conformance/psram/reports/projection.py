"""How each verdict is said in each format: defined here once, never re-interpreted by a format.

HTML and terminal use it now; the columns of SARIF, Code Quality, JUnit and OpenReports await their writers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from psram.model import ReportVerdict, RuleResult, Verdict
from psram.rules import Moment, Severity


class Projection(NamedTuple):
    """One verdict in all formats; ``None`` where a format leaves it out."""

    label: str
    symbol: str
    sarif_kind: str
    code_quality: bool
    junit: str | None
    open_reports: str


VERDICTS: Final[dict[Verdict, Projection]] = {
    Verdict.CONFORMING: Projection("conforme", "✔", "pass", False, None, "pass"),
    Verdict.VIOLATED: Projection("non conforme", "✘", "fail", True, "failure", "fail"),
    Verdict.UNKNOWN: Projection("indéterminé", "?", "open", True, "error", "error"),
    Verdict.TO_VALIDATE: Projection("à valider", "…", "review", False, "skipped", "warn"),
    Verdict.NOT_APPLICABLE: Projection("non applicable", "–", "notApplicable", False, "skipped", "skip"),
    Verdict.DEROGATED: Projection("dérogé", "◇", "fail", False, "skipped", "skip"),
    Verdict.NOT_EVALUATED: Projection("non évalué", "·", "open", False, "skipped", "skip"),
}

REPORT_VERDICTS: Final[dict[ReportVerdict, str]] = {
    ReportVerdict.CONFORMING: "Conforme",
    ReportVerdict.VIOLATED: "Non conforme",
    ReportVerdict.UNKNOWN: "Indéterminé",
}

SARIF_LEVELS: Final[dict[Severity, str]] = {
    Severity.BLOCKING: "error",
    Severity.MAJOR: "error",
    Severity.MINOR: "warning",
    Severity.INFO: "note",
}

CODE_QUALITY: Final[dict[Severity, str]] = {
    Severity.BLOCKING: "blocker",
    Severity.MAJOR: "major",
    Severity.MINOR: "minor",
    Severity.INFO: "info",
}

MOMENTS: Final[dict[Moment, str]] = {
    Moment.SOURCE: "sources",
    Moment.PIPELINE: "pipeline",
    Moment.ACCEPTANCE: "recette",
    Moment.PRODUCTION: "production",
}


def label(result: RuleResult) -> str:
    """The verdict of a result in French: "à confirmer" where only the platform is missing to say it is right."""
    return "à confirmer" if result.to_confirm else VERDICTS[result.verdict].label
