"""How each verdict is said in each format: defined here once, as data, never re-interpreted by a format.

A writer asks :func:`sarif`, :func:`code_quality`, :func:`junit`, :func:`open_reports` or :func:`oscal`, and gets the
words of its format; ``None`` where the format leaves the verdict out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from psram.model import ReportVerdict, RuleResult, Verdict
from psram.rules import Moment, Severity, Stage
from psram.tenancy.report import CellVerdict, Nature, ProofKind

BY_SEVERITY: Final = "selon la gravité"
ADVISED: Final = "CMP-002"
"""The rule that the advisory database decides."""


class Oscal(NamedTuple):
    """An OSCAL finding's ``state`` and ``reason`` (empty: an observation alone), and its risk's status, if any.

    ``reviewed`` is false for a rule that has no object: it is then out of the reviewed controls.
    """

    state: str = ""
    reason: str = ""
    risk: str = ""
    reviewed: bool = True


class Projection(NamedTuple):
    """One verdict in all formats. ``code_quality`` is a severity of GitLab's, or :data:`BY_SEVERITY`."""

    label: str
    symbol: str
    sarif_kind: str
    code_quality: str | None
    junit: str | None
    open_reports: str
    oscal: Oscal


VERDICTS: Final[dict[Verdict, Projection]] = {
    Verdict.CONFORMING: Projection("conforme", "✔", "pass", None, None, "pass", Oscal("satisfied", "pass")),
    Verdict.VIOLATED: Projection(
        "non conforme", "✘", "fail", BY_SEVERITY, "failure", "fail", Oscal("not-satisfied", "fail")
    ),
    Verdict.UNKNOWN: Projection("indéterminé", "?", "open", "info", "error", "error", Oscal("not-satisfied", "other")),
    Verdict.TO_VALIDATE: Projection("à valider", "…", "review", None, "skipped", "warn", Oscal()),
    Verdict.NOT_APPLICABLE: Projection(
        "non applicable", "–", "notApplicable", None, "skipped", "skip", Oscal(reviewed=False)
    ),
    Verdict.DEROGATED: Projection(
        "dérogé", "◇", "fail", None, "skipped", "skip", Oscal("not-satisfied", "fail", "deviation-approved")
    ),
    Verdict.NOT_EVALUATED: Projection(
        "non évalué", "·", "open", None, "skipped", "skip", Oscal("not-satisfied", "other")
    ),
}

REPORT_VERDICTS: Final[dict[ReportVerdict, str]] = {
    ReportVerdict.CONFORMING: "Conforme",
    ReportVerdict.VIOLATED: "Non conforme",
    ReportVerdict.UNKNOWN: "Indéterminé",
}

REPORT_SYMBOLS: Final[dict[ReportVerdict, str]] = {
    ReportVerdict.CONFORMING: "✔",
    ReportVerdict.VIOLATED: "✘",
    ReportVerdict.UNKNOWN: "?",
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
CODE_QUALITY_MAJOR_THAT_BLOCKS: Final = "critical"

OPEN_REPORTS: Final[dict[Severity, str]] = {
    Severity.BLOCKING: "critical",
    Severity.MAJOR: "high",
    Severity.MINOR: "medium",
    Severity.INFO: "info",
}

MOMENTS: Final[dict[Moment, str]] = {
    Moment.SOURCE: "sources",
    Moment.PIPELINE: "pipeline",
    Moment.ACCEPTANCE: "recette",
    Moment.PRODUCTION: "production",
}

STAGES: Final[dict[Stage, str]] = {
    Stage.DEVELOPMENT: "développement",
    Stage.ACCEPTANCE: "recette",
    Stage.PRODUCTION: "production",
}

NATURES: Final[dict[Nature, str]] = {
    Nature.SCOPED: "rattachée à un organisme",
    Nature.SHARED: "partagée",
    Nature.UNDECLARED: "ni rattachée ni partagée",
    Nature.TABLE: "table sans entité",
    Nature.QUERIES: "requêtes",
}

PROOFS: Final[dict[ProofKind, str]] = {
    ProofKind.SOURCE: "code",
    ProofKind.MIGRATION: "migration",
    ProofKind.JUNIT: "test exécuté",
    ProofKind.QUERY: "requête",
}


def cell(verdict: CellVerdict) -> Projection:
    """A cell of the tenancy matrix says what a rule would."""
    return VERDICTS[Verdict(verdict.value)]


def label(result: RuleResult) -> str:
    """The verdict of a result in French: "à confirmer" where only the platform is missing to say it is right."""
    return "à confirmer" if result.to_confirm else VERDICTS[result.verdict].label


def symbol(result: RuleResult) -> str:
    """A sign that says the verdict without colour."""
    return VERDICTS[result.verdict].symbol


def sarif(result: RuleResult) -> tuple[str, str]:
    """SARIF's ``kind`` and ``level``; a level other than ``none`` belongs to ``fail`` alone."""
    kind = VERDICTS[result.verdict].sarif_kind
    return kind, SARIF_LEVELS[result.severity] if kind == "fail" else "none"


def code_quality(result: RuleResult) -> str | None:
    """GitLab's severity, ``None`` for what is no problem, or not yet one: what the platform alone can confirm."""
    if result.to_confirm:
        return None
    said = VERDICTS[result.verdict].code_quality
    if said != BY_SEVERITY:
        return said
    if result.blocks and result.severity is Severity.MAJOR:
        return CODE_QUALITY_MAJOR_THAT_BLOCKS
    return CODE_QUALITY[result.severity]


def junit(result: RuleResult) -> str | None:
    """The element inside the test case; ``None`` for a test that passed."""
    return VERDICTS[result.verdict].junit


def open_reports(result: RuleResult) -> tuple[str, str]:
    """OpenReports' ``result`` and ``severity``."""
    return VERDICTS[result.verdict].open_reports, OPEN_REPORTS[result.severity]


def oscal(result: RuleResult) -> Oscal:
    """What OSCAL says of the rule."""
    return VERDICTS[result.verdict].oscal
