"""The shortest path to hosting: the cheapest set of actions after which nothing blocks any more."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from psram import threshold
from psram.model import Action, Path, Report, RuleResult, Severity, Verdict
from psram.proofs import Giver
from psram.rules import Pack, Rule

MECHANICAL_HOURS: Final = 0.1
_EFFORTS: Final = {"faible": 0.5, "moyen": 2.0, "fort": 8.0}
_Choice = tuple[float, tuple[str, ...]]


def efforts(pack: Pack) -> dict[str, float]:
    """Hours of each effort word."""
    return {**_EFFORTS, **pack.efforts}


def shortest(report: Report, pack: Pack) -> Path | None:
    """The path from this report to one where nothing blocks; ``None`` when nothing blocks already.

    All broken bloquante rules are on it; of the majeures, only as many as the threshold asks for, the cheapest.
    """
    blocking = report.blocking()
    if not blocking:
        return None
    rules = {rule.id: rule for rule in pack.rules}
    broken = [r for r in blocking if r.verdict is Verdict.VIOLATED]
    groups = _grouped(broken, rules)
    actions = {key: _action(found, rules, pack) for key, found in groups.items()}
    grave = {key for key, found in groups.items() if any(r.severity is Severity.BLOCKING for r in found)}
    left = {key: len(found) for key, found in groups.items() if key not in grave}
    needed = sum(left.values()) - (threshold.tolerated(pack, report.track) or 0)
    chosen = {*grave, *_cheapest(left, actions, max(needed, 0))}
    missing = _evidence(r for r in blocking if r.verdict is Verdict.UNKNOWN and not r.to_confirm)
    confirmed = sorted(r.rule_id for r in blocking if r.to_confirm)
    after = sorted(r.rule_id for r in blocking if r.verdict is Verdict.NOT_EVALUATED)
    ordered = sorted((actions[key] for key in chosen), key=lambda a: (a.hours, a.rules))
    hours = round(sum((a.hours for a in ordered), 0.0), 2)
    return Path((*ordered, *missing), hours, _sentence(ordered, missing, after, confirmed, hours=hours))


def _grouped(results: Iterable[RuleResult], rules: dict[str, Rule]) -> dict[str, list[RuleResult]]:
    """Results by the gesture that corrects them."""
    grouped: dict[str, list[RuleResult]] = {}
    for result in sorted(results, key=lambda r: r.rule_id):
        grouped.setdefault(rules[result.rule_id].remediation.action or result.rule_id, []).append(result)
    return grouped


def _action(results: list[RuleResult], rules: dict[str, Rule], pack: Pack) -> Action:
    """One gesture for several rules costs what the dearest of them costs."""
    return Action(
        title=results[0].remedy,
        rules=tuple(r.rule_id for r in results),
        places=sum(r.findings_total for r in results),
        hours=max(_hours(r, rules[r.rule_id], pack) for r in results),
        giver=Giver.DEVELOPER.value,
        mechanical=all(r.patch for r in results),
    )


def _hours(result: RuleResult, rule: Rule, pack: Pack) -> float:
    if rule.remediation.patch:
        return MECHANICAL_HOURS
    each = rule.remediation.minutes_each
    minutes = pack.minutes_each.get(rule.remediation.effort, 0.0) if each is None else each
    more = minutes * max(0, result.findings_total - 1) / 60
    return round(efforts(pack)[rule.remediation.effort] + more, 2)


def _cheapest(rules_settled: dict[str, int], actions: dict[str, Action], needed: int) -> tuple[str, ...]:
    """The cheapest actions that settle at least ``needed`` rules together; exact (dynamic programming)."""
    best: dict[int, _Choice] = {0: (0.0, ())}
    for key, count in rules_settled.items():
        for settled, (hours, keys) in list(best.items()):
            reached = min(needed, settled + count)
            candidate = (hours + actions[key].hours, (*keys, key))
            if reached not in best or candidate < best[reached]:
                best[reached] = candidate
    return best[needed][1]


def _evidence(results: Iterable[RuleResult]) -> list[Action]:
    """Evidence to be given, an action for each giver: no code to write, somebody else to wait for."""
    by_giver: dict[str, list[RuleResult]] = {}
    for result in results:
        by_giver.setdefault(result.giver, []).append(result)
    return [
        Action(
            title=" ; ".join(dict.fromkeys(r.missing_evidence for r in found)),
            rules=tuple(r.rule_id for r in found),
            places=sum(r.findings_total for r in found),
            hours=0.0,
            giver=giver,
        )
        for giver, found in sorted(by_giver.items())
    ]


def _sentence(
    actions: list[Action], missing: list[Action], after: list[str], confirmed: list[str], *, hours: float
) -> str:
    parts = []
    if actions:
        mechanical = sum(a.mechanical for a in actions)
        some = f", dont {mechanical} mécanique{'s' if mechanical > 1 else ''}" if mechanical else ""
        plural = "s" if len(actions) > 1 else ""
        least = "au moins " if after else ""
        parts.append(f"{least}{len(actions)} action{plural}{some}, environ {duration(hours)} → hébergeable")
    if missing:
        told = ", ".join(f"{', '.join(a.rules)} ({a.giver})" for a in missing)
        parts.append(f"preuves à fournir : {told}")
    if after:
        parts.append(f"à vérifier ensuite : {', '.join(after)}")
    if confirmed:
        parts.append(f"la plateforme confirmera : {', '.join(confirmed)}")
    return " ; ".join(parts)


def duration(hours: float) -> str:
    """A duration in words: minutes below an hour, hours below two days of work, then days."""
    if hours < 1:
        return f"{max(5, 5 * math.ceil(hours * 12 - 1e-9))} min"
    if hours < 16:  # noqa: PLR2004  two days of work
        return f"{math.ceil(hours - 1e-9)} h"
    return f"{math.ceil(hours / 8 - 1e-9)} jours"
