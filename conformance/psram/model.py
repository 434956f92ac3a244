"""The engine's vocabulary, gathered: what is judged, with what, and what comes out. Nothing is defined here.

What a repository contains is in :mod:`psram.facts`; what a pack's rules are, in :mod:`psram.rules`; what else speaks
for a commit, in :mod:`psram.proofs`; what a check is asked and answers, in :mod:`psram.vocabulary`; what comes out, in
:mod:`psram.report`.
"""

from __future__ import annotations

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
from psram.report import (
    ALL_MOMENTS,
    SENTENCE_MAX_CHARS,
    Action,
    Horizon,
    PackRef,
    Path,
    Report,
    RuleResult,
    printable,
    sentence,
)
from psram.rules import DecidedBy, Moment, Pack, Rule, Severity, Stage, Track
from psram.vocabulary import (
    MAX_FINDINGS,
    SETTLED,
    Context,
    Derogation,
    Finding,
    Limits,
    NextDate,
    Organisation,
    Outcome,
    Php,
    ReportVerdict,
    Verdict,
)

__all__ = [
    "ALL_MOMENTS",
    "MAX_FINDINGS",
    "SENTENCE_MAX_CHARS",
    "SETTLED",
    "Accepted",
    "Action",
    "Advisory",
    "AdvisoryDatabase",
    "Context",
    "DecidedBy",
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
    "printable",
    "sentence",
]
