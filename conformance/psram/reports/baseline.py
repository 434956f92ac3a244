"""What changed since another report: new, known and gone findings. A reading of two reports, no part of a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from psram.model import Finding, Report, RuleResult, Verdict


class State(StrEnum):
    """A finding's state against the previous report, in SARIF's words."""

    NEW = "new"
    UNCHANGED = "unchanged"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding of the previous report that is no longer there, with the rule's result it belonged to."""

    result: RuleResult
    finding: Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """The findings of a report, by fingerprint, against those of ``previous_commit``.

    ``new`` and ``unchanged`` are fingerprints of the report's own findings, derogated or undecided ones included;
    those in neither could not be told, because the previous report lists only a rule's first findings.
    """

    previous_commit: str
    previous_pack: str
    new: frozenset[str]
    unchanged: frozenset[str]
    gone: tuple[Gone, ...]
    counted_new: int
    counted_known: int
    untold: int

    def state(self, fingerprint: str) -> State | None:
        """``None`` when it could not be told."""
        if fingerprint in self.new:
            return State.NEW
        return State.UNCHANGED if fingerprint in self.unchanged else None

    def sentence(self) -> str:
        """« 3 nouveaux, 12 déjà connus, 2 disparus », of violated rules' findings."""
        parts = [
            _counted(self.counted_new, "nouveau", "nouveaux"),
            _counted(self.counted_known, "déjà connu", "déjà connus"),
            _counted(len(self.gone), "disparu", "disparus"),
        ]
        if self.untold:
            parts.append(_counted(self.untold, "non comparable", "non comparables"))
        return ", ".join(parts)


def compare(report: Report, previous: Report) -> Comparison:
    """What is new, known and gone in ``report`` since ``previous``.

    A rule lists its first findings only: where that list is cut, what is not in it is said to be neither new nor gone.
    """
    before = {finding.fingerprint for result in previous.results for finding in result.findings}
    here = {finding.fingerprint for result in report.results for finding in result.findings}
    cut_before = {result.rule_id for result in previous.results if _cut(result)}
    cut_here = {result.rule_id for result in report.results if _cut(result)}
    new = frozenset(
        finding.fingerprint
        for result in report.results
        if result.rule_id not in cut_before
        for finding in result.findings
        if finding.fingerprint not in before
    )
    violations = [finding.fingerprint for _, finding in _violations(report)]
    counted_new = sum(mark in new for mark in violations)
    counted_known = sum(mark in before for mark in violations)
    return Comparison(
        previous_commit=previous.commit,
        previous_pack=previous.pack.name,
        new=new,
        unchanged=frozenset(here & before),
        gone=tuple(
            Gone(result, finding)
            for result, finding in _violations(previous)
            if finding.fingerprint not in here and result.rule_id not in cut_here
        ),
        counted_new=counted_new,
        counted_known=counted_known,
        untold=sum(r.findings_total for r in report.results if r.verdict is Verdict.VIOLATED)
        - counted_new
        - counted_known,
    )


def _violations(report: Report) -> Iterator[tuple[RuleResult, Finding]]:
    for result in report.results:
        if result.verdict is Verdict.VIOLATED:
            yield from ((result, finding) for finding in result.findings)


def _cut(result: RuleResult) -> bool:
    return result.findings_total > len(result.findings)


def _counted(number: int, singular: str, plural: str) -> str:
    return f"{number} {plural if number > 1 else singular}"
