"""What all rules together say of a commit: results, the path to hosting, the horizon. Values, and one sentence."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

import msgspec

from psram.rules import DecidedBy, Moment, Severity, Stage, Track
from psram.tenancy.report import Tenancy
from psram.vocabulary import Derogation, Finding, ReportVerdict, Verdict
from psram.wording import counted

SENTENCE_MAX_CHARS: Final = 255
ALL_MOMENTS: Final = frozenset(Moment)
_GRAVITY: Final = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.TO_VALIDATE, Verdict.NOT_EVALUATED)


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
    tenancy: Tenancy | None = None
    hidden: tuple[str, ...] = ()  # files that archives of the commit leave out, though they are judged
    pack_notice: str = ""  # what a reader must know of the pack that day: draft, not yet or no longer in force

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
        return _bounded(f"{_broken(violated)} : ", [_where(r) for r in violated])
    plural = len(blocking) > 1
    head = "règles bloquantes n'ont pas pu être vérifiées" if plural else "règle bloquante n'a pas pu être vérifiée"
    return _bounded(f"{len(blocking)} {head} : ", [f"{r.rule_id} ({_missing(r)})" for r in blocking])


def _broken(violated: list[RuleResult]) -> str:
    """How many rules of each severity; majeure ones block when there are too many of them."""
    major = sum(r.severity is Severity.MAJOR for r in violated)
    blocking = len(violated) - major
    said = "respectées" if len(violated) > 1 else "respectée"
    if not major:
        return f"{counted(blocking, 'règle bloquante')} non {said}"
    if not blocking:
        return f"{counted(major, 'règle majeure')} non {said}"
    return f"{counted(blocking, 'règle bloquante')} et {counted(major, 'majeure')} non respectées"


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
        text = head + ", ".join(items[:kept]) + f" et {counted(len(items) - kept, 'autre')}"
    return text if len(text) <= SENTENCE_MAX_CHARS else text[: SENTENCE_MAX_CHARS - 1] + "…"


def printable(text: str) -> str:
    """``text`` on one line, control characters shown as escapes: a file's name is data, not layout."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
