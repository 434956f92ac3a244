"""The engine's vocabulary: what is judged, with what, and what comes out. Values only; no effect and no decision.

What a repository contains is in :mod:`psram.facts`; what a pack's rules are, in :mod:`psram.rules`; what else speaks
for a commit, in :mod:`psram.proofs`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from psram.facts import Facts
from psram.proofs import (
    Accepted,
    Advisory,
    AdvisoryDatabase,
    Declaration,
    Evidence,
    ForgeEvidence,
    Giver,
    PipelineEvidence,
    QualityReport,
    TestSummary,
)
from psram.rules import DecidedBy, Moment, Pack, Rule, Severity, Stage, Track

__all__ = [
    "Accepted",
    "Action",
    "Advisory",
    "AdvisoryDatabase",
    "Context",
    "Declaration",
    "Derogation",
    "Evidence",
    "Facts",
    "Finding",
    "ForgeEvidence",
    "Giver",
    "Horizon",
    "Limits",
    "Moment",
    "NextDate",
    "Organisation",
    "Outcome",
    "Pack",
    "PackRef",
    "Path",
    "Php",
    "PipelineEvidence",
    "QualityReport",
    "Report",
    "ReportVerdict",
    "Rule",
    "RuleResult",
    "Severity",
    "Stage",
    "TestSummary",
    "Track",
    "Verdict",
]

SENTENCE_MAX_CHARS: Final = 255
ALL_MOMENTS: Final = frozenset(Moment)


class Verdict(StrEnum):
    """What one rule says of one commit."""

    CONFORMING = "conforme"
    VIOLATED = "non_conforme"
    UNKNOWN = "indetermine"
    TO_VALIDATE = "a_valider"
    NOT_APPLICABLE = "non_applicable"
    DEROGATED = "deroge"
    NOT_EVALUATED = "non_evalue"


class ReportVerdict(StrEnum):
    """What all rules together say."""

    CONFORMING = "conforme"
    VIOLATED = "non_conforme"
    UNKNOWN = "indetermine"


SETTLED: Final = frozenset({Verdict.CONFORMING, Verdict.NOT_APPLICABLE, Verdict.DEROGATED})
"""Verdicts that never stand in the way."""

_GRAVITY: Final = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.TO_VALIDATE, Verdict.NOT_EVALUATED)


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one collection; what lies beyond them is reported, never loaded.

    ``cpu_s`` and ``memory_bytes`` are a worker's; ``file_cpu_s`` is what one content may take before it counts as
    hostile, and ``timeout_s`` what all of them together may take.
    """

    max_files: int = 100_000
    max_blob_bytes: int = 1024 * 1024
    max_total_bytes: int = 512 * 1024 * 1024
    max_findings_per_rule: int = 200
    cpu_s: int = 120
    memory_bytes: int = 1536 * 1024 * 1024
    timeout_s: float = 180.0
    file_cpu_s: int = 10


class Php(msgspec.Struct, frozen=True):
    """The hosted PHP on this machine: ``program`` compiles, ``version`` is its ``major.minor``."""

    program: str = "php8.2"
    version: str = "8.2"


class Organisation(msgspec.Struct, frozen=True, order=True):
    """An organisation that the platform knows, for the rules that look for hard-coded ones."""

    code: str
    label: str = ""


class Derogation(msgspec.Struct, frozen=True):
    """An auditor's decision to accept one rule's violation until ``expires_on`` (excluded).

    ``paths`` and ``fingerprints`` narrow it; both empty, it covers the whole rule.
    """

    name: str
    rule_id: str
    justification: str
    approver: str
    expires_on: date
    paths: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether it still counts on ``day``."""
        return day < self.expires_on


class Context(msgspec.Struct, frozen=True):
    """All that a verdict depends on besides the facts and the pack.

    ``package_sources`` and ``base_images`` are the platform's own additions to the pack's allow-lists (URL prefixes
    of package repositories; image names without tag). ``None`` says that the platform's settings are not known here,
    as on a laptop: what only they could allow is then left to confirm. ``approved_runners`` names runners whose jobs
    are believed (an empty tuple: none), ``approved_templates`` the CI templates as ``group/project@ref``.
    """

    track: Track
    stage: Stage
    evaluated_on: date
    evidence: Evidence = Evidence()
    derogations: tuple[Derogation, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    package_sources: tuple[str, ...] | None = None
    base_images: tuple[str, ...] | None = None
    approved_runners: tuple[str, ...] | None = None
    approved_templates: tuple[str, ...] | None = None


class Finding(msgspec.Struct, frozen=True):
    """One place that breaks a rule. ``line`` is 1-based, 0 for a whole file; ``path`` may be empty for the project.

    ``excerpt`` is the line's text, stripped of spaces, for the fingerprint; never shown, never a secret's value.
    """

    message: str
    path: str = ""
    line: int = 0
    fingerprint: str = ""
    excerpt: str = ""


class NextDate(msgspec.Struct, frozen=True, order=True):
    """A day from which an answer can be another one though no code changes, and why, in French."""

    on: date
    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """What a check answers. ``prevents`` says that rules requiring this one cannot be evaluated."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    missing_evidence: str = ""
    prevents: bool = False
    severity: Severity | None = None  # graver than the rule's own, for its gravest findings
    confirm: bool = (
        False  # undecided only because something of the platform is absent here; nothing speaks against the code
    )
    giver: Giver | None = None  # who can give the missing evidence
    next_dates: tuple[NextDate, ...] = ()  # days on which the answer can change though nothing else does
    milder: Severity | None = None  # in place of the rule's own, where only its lesser findings were found
    note: str = ""  # what a reader should know even where the rule is respected


class RuleResult(msgspec.Struct, frozen=True):
    """One rule's verdict with what a reader needs to act."""

    rule_id: str
    title: str
    family: str
    severity: Severity
    moment: Moment
    verdict: Verdict
    blocks: bool
    findings: tuple[Finding, ...] = ()
    findings_total: int = 0
    remedy: str = ""
    effort: str = ""
    missing_evidence: str = ""
    to_confirm: bool = False
    reason: str = ""
    derogation: str = ""
    giver: str = ""
    decided_by: DecidedBy = DecidedBy.ENGINE
    patch: str = ""
    early: bool = False  # not yet effective: told, never blocking


class Action(msgspec.Struct, frozen=True):
    """One gesture on the way to hosting: it settles all of ``rules``. ``mechanical`` ones have a ``patch`` for each."""

    title: str
    rules: tuple[str, ...]
    places: int
    hours: float
    giver: str
    mechanical: bool = False


class Path(msgspec.Struct, frozen=True):
    """The smallest set of actions after which nothing blocks any more, cheapest first."""

    actions: tuple[Action, ...]
    hours: float
    sentence: str


class Horizon(msgspec.Struct, frozen=True):
    """When the verdict changes though no code does: from ``on`` it is ``verdict``, because of ``rules``.

    ``on`` is ``None`` when nothing known changes it.
    """

    sentence: str
    on: date | None = None
    verdict: ReportVerdict | None = None
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class PackRef(msgspec.Struct, frozen=True):
    """Which pack judged: ``digest`` is ``sha256:…`` over its canonical content."""

    name: str
    version: str
    digest: str


class Report(msgspec.Struct, frozen=True):
    """The verdict of one commit by one pack; the same inputs give the same bytes."""

    commit: str
    tree: str
    pack: PackRef
    engine: str
    track: Track
    stage: Stage
    evaluated_on: date
    verdict: ReportVerdict
    sentence: str
    results: tuple[RuleResult, ...]
    php_version: str | None = None
    informative: bool = False
    uncommitted: tuple[str, ...] = ()
    files: int = 0
    derogations_used: tuple[str, ...] = ()
    derogations_unused: tuple[str, ...] = ()
    schema: str = "psram.report/1"
    path: Path | None = None
    horizon: Horizon | None = None
    advisories_digest: str = ""
    advisories_dated: date | None = None
    derogations: tuple[Derogation, ...] = ()  # those used, whole: who approved them, and why

    def blocking(self, moments: Collection[Moment] = ALL_MOMENTS) -> tuple[RuleResult, ...]:
        """Rules of these moments that stand in the way, violations first, then what could not be told."""
        found = (r for r in self.results if r.blocks and r.moment in moments)
        return tuple(sorted(found, key=lambda r: (_GRAVITY.index(r.verdict), r.rule_id)))

    def verdict_for(self, moments: Collection[Moment], *, confirmed_later: bool = False) -> ReportVerdict:
        """The verdict when only the rules of these moments count.

        ``confirmed_later`` leaves out what only the platform's absence keeps undecided: the laptop's reading.
        """
        blocking = tuple(r for r in self.blocking(moments) if not (confirmed_later and r.to_confirm))
        if not blocking:
            return ReportVerdict.CONFORMING
        if any(r.verdict is Verdict.VIOLATED for r in blocking):
            return ReportVerdict.VIOLATED
        return ReportVerdict.UNKNOWN

    def sentence_for(self, moments: Collection[Moment]) -> str:
        """One French sentence of at most 255 characters that says the verdict and the first places to look at."""
        return sentence(self.blocking(moments))


def sentence(blocking: tuple[RuleResult, ...]) -> str:
    """One French sentence of at most 255 characters about these blocking results."""
    if not blocking:
        return "Conforme : toutes les règles bloquantes sont respectées."
    violated = [r for r in blocking if r.verdict is Verdict.VIOLATED]
    if violated:
        plural = len(violated) > 1
        head = "règles bloquantes non respectées" if plural else "règle bloquante non respectée"
        return _bounded(f"{len(violated)} {head} : ", [_where(r) for r in violated])
    plural = len(blocking) > 1
    head = "règles bloquantes n'ont pas pu être vérifiées" if plural else "règle bloquante n'a pas pu être vérifiée"
    return _bounded(f"{len(blocking)} {head} : ", [f"{r.rule_id} ({_missing(r)})" for r in blocking])


def _missing(result: RuleResult) -> str:
    said = result.missing_evidence or result.reason
    return f"{said} ; à fournir par : {result.giver}" if result.giver else said


def _where(result: RuleResult) -> str:
    if not result.findings or not result.findings[0].path:
        return result.rule_id
    first = result.findings[0]
    place = f"{first.path}:{first.line}" if first.line else first.path
    return f"{result.rule_id} {printable(place)}"


def _bounded(head: str, items: list[str]) -> str:
    text = head + ", ".join(items)
    for kept in range(len(items) - 1, 0, -1):
        if len(text) <= SENTENCE_MAX_CHARS:
            return text
        text = head + ", ".join(items[:kept]) + f" et {len(items) - kept} autre(s)"
    return text if len(text) <= SENTENCE_MAX_CHARS else text[: SENTENCE_MAX_CHARS - 1] + "…"


def printable(text: str) -> str:
    """``text`` on one line, control characters shown as escapes: a file's name is data, not layout."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
