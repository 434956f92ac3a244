"""What a draft of the norms would change for applications: pure comparison of two verdicts on the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from psram.asking import Answers
from psram.facts import Facts
from psram.judge import verdict
from psram.model import Context, Report, ReportVerdict, RuleResult, Verdict
from psram.path import shortest
from psram.rules import Moment, Pack, Severity

if TYPE_CHECKING:
    from collections.abc import Collection

SOURCE: Final = frozenset({Moment.SOURCE})


class Change(StrEnum):
    """What the draft changes for one application."""

    REFUSED = "nouveau refus"
    UNKNOWN = "nouveau doute"
    HARDER = "refus aggravé"
    ACCEPTED = "refus levé"
    SAME = "inchangé"
    UNREAD = "illisible"


class Known(msgspec.Struct, frozen=True):
    """An application whose facts are known; ``moments`` are those whose rules count for it."""

    name: str
    organisation: str
    facts: Facts
    context: Context
    moments: frozenset[Moment] = SOURCE
    decided: bool = False


class Unread(msgspec.Struct, frozen=True):
    """An application that could not be read, and why."""

    name: str
    organisation: str
    problem: str


class NewRule(msgspec.Struct, frozen=True):
    """A rule that blocks with the draft and did not before, or only through the number of majeure ones."""

    rule: str
    title: str
    places: int
    hours: float
    verdict: Verdict
    first: str = ""


class Line(msgspec.Struct, frozen=True):
    """One application under the draft. ``hours`` is the work that the draft adds on its way to hosting."""

    name: str
    organisation: str
    change: Change
    commit: str = ""
    before: str = ""
    after: str = ""
    rules: tuple[NewRule, ...] = ()
    lifted: tuple[str, ...] = ()
    hours: float = 0.0
    problem: str = ""


class Total(msgspec.Struct, frozen=True):
    """Applications concerned by a rule or an organisation, and the work it means."""

    name: str
    title: str
    applications: int
    hours: float


class Rehearsal(msgspec.Struct, frozen=True):
    """The whole answer; totals are of the new refusals and of those that get worse."""

    pack: str
    digest: str
    against: str
    against_digest: str
    evaluated_on: str
    counts: dict[str, int]
    rules: tuple[Total, ...]
    organisations: tuple[Total, ...]
    hours: float
    applications: tuple[Line, ...]
    schema: str = "psram.rehearsal/1"


def line(known: Known, draft: Pack, current: Pack) -> Line:
    """What the draft changes for this application."""
    before, after = _report(known, current), _report(known, draft)
    blocked = {r.rule_id: r.severity for r in _standing(before, known)}
    standing = _standing(after, known)
    fresh = tuple(_new(r, after) for r in standing if r.rule_id not in blocked or _graver(r, blocked[r.rule_id]))
    then, now = (report.verdict_for(known.moments, confirmed_later=not known.decided) for report in (before, after))
    return Line(
        name=known.name,
        organisation=known.organisation,
        change=_change(then, now, fresh),
        commit=known.facts.commit,
        before=then.value,
        after=now.value,
        rules=fresh,
        lifted=tuple(sorted(blocked.keys() - {r.rule_id for r in standing})),
        hours=round(max(0.0, _hours(after) - _hours(before)), 2),
    )


def _graver(result: RuleResult, before: Severity) -> bool:
    """Whether the rule now blocks by itself, and did by the number of majeure ones only."""
    return result.severity is Severity.BLOCKING and before is not Severity.BLOCKING


def unread(one: Unread) -> Line:
    """The line of an application that could not be read."""
    return Line(one.name, one.organisation, Change.UNREAD, problem=one.problem)


def summary(lines: Iterable[Line], draft: Pack, current: Pack, day: str) -> Rehearsal:
    """All lines, the gravest first, with their totals."""
    ordered = tuple(sorted(lines, key=lambda each: (list(Change).index(each.change), each.organisation, each.name)))
    touched = [each for each in ordered if each.change in (Change.REFUSED, Change.UNKNOWN, Change.HARDER)]
    counts = Counter(each.change.value for each in ordered)
    return Rehearsal(
        pack=draft.name,
        digest=draft.digest,
        against=current.name,
        against_digest=current.digest,
        evaluated_on=day,
        counts={change.value: counts[change.value] for change in Change},
        rules=_by_rule(touched),
        organisations=_by_organisation(touched),
        hours=round(sum(each.hours for each in touched), 2),
        applications=ordered,
    )


def _report(known: Known, pack: Pack) -> Report:
    """The report with its path, without a horizon: nobody asks when a rehearsal changes."""
    report = verdict(known.facts, pack, known.context, Answers(known.facts, known.context))
    return msgspec.structs.replace(report, path=shortest(report, pack))


def _standing(report: Report, known: Known) -> tuple[RuleResult, ...]:
    return tuple(r for r in report.blocking(known.moments) if known.decided or not r.to_confirm)


def _change(then: ReportVerdict, now: ReportVerdict, fresh: Collection[NewRule]) -> Change:
    if now is ReportVerdict.VIOLATED and then is not ReportVerdict.VIOLATED:
        return Change.REFUSED
    if now is ReportVerdict.CONFORMING:
        return Change.SAME if then is ReportVerdict.CONFORMING else Change.ACCEPTED
    if now is ReportVerdict.UNKNOWN and then is ReportVerdict.CONFORMING:
        return Change.UNKNOWN
    worse = any(rule.verdict is not Verdict.NOT_EVALUATED for rule in fresh)
    return Change.HARDER if worse else Change.SAME


def _new(result: RuleResult, report: Report) -> NewRule:
    actions = report.path.actions if report.path is not None else ()
    hours = sum(action.hours / len(action.rules) for action in actions if result.rule_id in action.rules)
    first = next((f for f in result.findings if f.path), None)
    where = "" if first is None else f"{first.path}:{first.line}" if first.line else first.path
    return NewRule(result.rule_id, result.title, result.findings_total, round(hours, 2), result.verdict, where)


def _hours(report: Report) -> float:
    return report.path.hours if report.path is not None else 0.0


def _by_rule(lines: list[Line]) -> tuple[Total, ...]:
    found: dict[str, list[NewRule]] = {}
    for each in lines:
        for rule in each.rules:
            found.setdefault(rule.rule, []).append(rule)
    totals = [
        Total(name, rules[0].title, len(rules), round(sum(r.hours for r in rules), 2)) for name, rules in found.items()
    ]
    return tuple(sorted(totals, key=lambda total: (-total.applications, total.name)))


def _by_organisation(lines: list[Line]) -> tuple[Total, ...]:
    found: dict[str, list[Line]] = {}
    for each in lines:
        found.setdefault(each.organisation, []).append(each)
    totals = [Total(name, "", len(each), round(sum(one.hours for one in each), 2)) for name, each in found.items()]
    return tuple(sorted(totals, key=lambda total: (-total.applications, total.name)))
