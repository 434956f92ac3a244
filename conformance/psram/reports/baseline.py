"""What changed since another report: new, known and gone findings. A reading of two reports, no part of a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from psram.model import Report, RuleResult, Verdict
from psram.reports.places import Place, places, unlisted


class State(StrEnum):
    """A finding's state against the previous report, in SARIF's words."""

    NEW = "new"
    UNCHANGED = "unchanged"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding of the previous report that is no longer there, with the rule's result it belonged to."""

    result: RuleResult
    place: Place


@dataclass(frozen=True, slots=True)
class Comparison:
    """The findings of a report, by fingerprint, against those of ``previous_commit``.

    ``new`` and ``unchanged`` are fingerprints of the report's own findings, derogated ones included;
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
    before = {place.fingerprint for place in _broken(previous)}
    here = {place.fingerprint for place in _broken(report)}
    cut_before = {result.rule_id for result in previous.results if unlisted(result)}
    cut_here = {result.rule_id for result in report.results if unlisted(result)}
    new = frozenset(
        place.fingerprint
        for place in _broken(report)
        if place.fingerprint not in before and place.result.rule_id not in cut_before
    )
    violated = [result for result in report.results if result.verdict is Verdict.VIOLATED]
    violations = [place for result in violated for place in places(result)]
    seen_before = {place.result.rule_id for place in _broken(previous)}
    unlisted_new = sum(unlisted(result) for result in violated if result.rule_id not in seen_before)
    counted_new = sum(place.fingerprint in new for place in violations) + unlisted_new
    counted_known = sum(place.fingerprint in before for place in violations)
    total = len(violations) + sum(unlisted(result) for result in violated)
    return Comparison(
        previous_commit=previous.commit,
        previous_pack=previous.pack.name,
        new=new,
        unchanged=frozenset(here & before),
        gone=tuple(
            Gone(place.result, place)
            for place in _broken(previous)
            if place.result.verdict is Verdict.VIOLATED
            and place.fingerprint not in here
            and place.result.rule_id not in cut_here
        ),
        counted_new=counted_new,
        counted_known=counted_known,
        untold=total - counted_new - counted_known,
    )


def _broken(report: Report) -> Iterator[Place]:
    """The places where a rule is broken, accepted by a derogation or not."""
    for result in report.results:
        if result.verdict in (Verdict.VIOLATED, Verdict.DEROGATED):
            yield from places(result)


def _counted(number: int, singular: str, plural: str) -> str:
    return f"{number} {plural if number > 1 else singular}"
