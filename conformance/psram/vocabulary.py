"""What a rule is asked with and what its check answers. Values only; no effect and no decision."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from psram.proofs import Evidence, Giver
from psram.rules import Severity, Stage, Track


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


MAX_FINDINGS: Final = 200
"""Findings of a rule that a report shows; all are counted."""


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
    history_commits: int = 20_000  # 0: earlier commits are not read
    history_bytes: int = 128 * 1024 * 1024  # that one reading adds to what is known of earlier commits
    history_timeout_s: float = 30.0


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

    @property
    def narrowed(self) -> bool:
        """Whether it covers some findings of its rule, not all."""
        return bool(self.paths or self.fingerprints)

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
    more: int = 0  # findings that come after all of those given, counted only: nobody is shown so many
