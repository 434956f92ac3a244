"""When the verdict changes though no code does: the same facts judged again on each day that could change it.

Days come from data: a rule's lifecycle, derogations, the lifetime of evidence, and what checks announce
(``Outcome.next_dates``: ends of maintenance, of labels…). Only checks that announced a day are asked again. What the
platform renews by itself (advisories, the forge's settings, the declaration) is supposed renewed, and to say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

import msgspec

from psram.asking import Answers
from psram.model import Context, Horizon, NextDate, Outcome, Report, ReportVerdict
from psram.rules import Pack

MAX_DAYS: Final = 400
MAX_YEARS: Final = 30
Judge = Callable[[Context, dict[str, Outcome]], tuple[Report, Answers]]


def solve(report: Report, pack: Pack, context: Context, given: Mapping[str, Outcome], judge: Judge) -> Horizon:
    """The first day on which other rules block than today, which, and why."""
    today = {r.rule_id: r.verdict for r in report.blocking()}
    waiting = _candidates(pack, context, given)
    known = dict(given)
    for _ in range(MAX_DAYS):
        if not waiting:
            break
        day = min(waiting)
        reasons = waiting.pop(day)
        if pack.ends_on is not None and day >= pack.ends_on > context.evaluated_on:
            return _ended(report, pack, pack.ends_on)
        later, answers = judge(on_day(context, day), _kept(known, day))
        known = dict(answers.given)
        for found, said in _announced(known, after=day):
            waiting.setdefault(found, set()).add(said)
        then = {r.rule_id: r.verdict for r in later.blocking()}
        if then != today:
            changed = tuple(sorted(rule for rule in {*then, *today} if then.get(rule) != today.get(rule)))
            return _said(report, later, day, changed, reasons)
    if waiting:  # more days than anybody would read
        return Horizon(f"Rien ne change ce verdict avant le {min(waiting)} ; au-delà, on n'a pas cherché.")
    return Horizon("Aucune date connue ne change ce verdict sans que le code change.")


def on_day(context: Context, day: date) -> Context:
    """The context on a later day: all that people gave as it is, what the platform renews as old as it is today."""
    aged = day - context.evaluated_on
    found = context.evidence
    replace = msgspec.structs.replace
    renewed = replace(
        found,
        advisories=found.advisories and replace(found.advisories, dated=_after(found.advisories.dated, aged)),
        forge=found.forge and replace(found.forge, observed_on=_after(found.forge.observed_on, aged)),
        declaration=found.declaration
        and replace(found.declaration, observed_on=_after(found.declaration.observed_on, aged)),
    )
    return replace(context, evaluated_on=day, evidence=renewed)


def _after(day: date | None, aged: timedelta) -> date | None:
    try:
        return None if day is None else day + aged
    except OverflowError:  # a date of the far future, given by a stranger
        return day


def _kept(known: Mapping[str, Outcome], day: date) -> dict[str, Outcome]:
    """Outcomes that still hold on that day: nothing was announced up to it."""
    return {rule: outcome for rule, outcome in known.items() if all(d.on > day for d in outcome.next_dates)}


def _candidates(pack: Pack, context: Context, given: Mapping[str, Outcome]) -> dict[date, set[str]]:
    """The days after today on which something could change, each with the reasons."""
    today = context.evaluated_on
    found: dict[date, set[str]] = {}
    for day, said in [*_announced(given, after=today), *_lifecycles(pack), *_expiries(context)]:
        if today < day and day.year <= today.year + MAX_YEARS:
            found.setdefault(day, set()).add(said)
    return found


def _announced(given: Mapping[str, Outcome], *, after: date) -> Iterator[tuple[date, str]]:
    for rule_id, outcome in sorted(given.items()):
        for item in outcome.next_dates:
            if item.on > after:
                yield item.on, _named(rule_id, item)


def _named(rule_id: str, item: NextDate) -> str:
    return item.reason if item.reason.startswith(rule_id) else f"{rule_id} : {item.reason}"


def _lifecycles(pack: Pack) -> Iterator[tuple[date, str]]:
    if pack.ends_on is not None:
        yield pack.ends_on, f"{pack.name} : ce pack prend fin"
    for rule in pack.rules:
        if rule.lifecycle.effective_on is not None:
            yield rule.lifecycle.effective_on, f"{rule.id} : la règle devient effective"
        if rule.lifecycle.deprecated_on is not None:
            yield rule.lifecycle.deprecated_on, f"{rule.id} : la règle est retirée"


def _expiries(context: Context) -> Iterator[tuple[date, str]]:
    for derogation in context.derogations:
        yield derogation.expires_on, f"{derogation.rule_id} : la dérogation {derogation.name} expire"


def _ended(report: Report, pack: Pack, day: date) -> Horizon:
    """Beyond its end a pack says nothing more: what the next one says is not known from this one."""
    said = f"{pack.name} prend fin le {day}{f', remplacé par {pack.replaced_by}' if pack.replaced_by else ''}"
    before = "Conforme jusqu'au" if report.verdict is ReportVerdict.CONFORMING else "Verdict inchangé jusqu'au"
    sentence = f"{before} {day - timedelta(days=1)} inclus, parce que {said} : il faudra juger avec le pack suivant."
    return Horizon(sentence, on=day, verdict=ReportVerdict.UNKNOWN, reasons=(said,))


def _by_rule(reasons: tuple[str, ...]) -> Iterator[str]:
    """The reasons, a rule's id said once before its own."""
    grouped: dict[str, list[str]] = {}
    for reason in reasons:
        rule_id, _, said = reason.partition(" : ")
        grouped.setdefault(rule_id, []).append(said)
    for rule_id, said_of in grouped.items():
        yield f"{rule_id} : {', '.join(said_of)}"


def _said(report: Report, later: Report, day: date, changed: tuple[str, ...], reasons: set[str]) -> Horizon:
    relevant = tuple(sorted(r for r in reasons if r.partition(" : ")[0] in changed)) or tuple(sorted(reasons))
    because = " ; ".join(_by_rule(relevant))
    last = day - timedelta(days=1)
    if report.verdict is ReportVerdict.CONFORMING:
        said = f"Conforme jusqu'au {last} inclus, parce que le {day} : {because}."
    elif report.verdict is ReportVerdict.UNKNOWN and later.verdict is ReportVerdict.VIOLATED:
        said = f"Ce qui a pu être vérifié reste conforme jusqu'au {last} inclus, parce que le {day} : {because}."
    elif later.verdict is ReportVerdict.CONFORMING:
        said = f"Conforme à partir du {day} sans changer le code : {because}."
    else:
        said = f"Le {day}, les règles bloquantes changent ({', '.join(changed)}) : {because}."
    return Horizon(said, on=day, verdict=later.verdict, rules=changed, reasons=relevant)
