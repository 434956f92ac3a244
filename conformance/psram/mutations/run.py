"""Judges mutants: does exactly that rule turn red, and do look-alikes leave everything calm?"""

from __future__ import annotations

from typing import NamedTuple

from psram.asking import Answers
from psram.errors import PackError
from psram.facts import Facts
from psram.judge import verdict
from psram.model import SETTLED, Context, Verdict
from psram.mutations.data import Mutation, Mutations
from psram.mutations.inject import Sample
from psram.rules import DecidedBy, Pack

Verdicts = dict[str, Verdict]


class Judged(NamedTuple):
    """What became of one mutant; ``problems`` are French, empty when it did what it should."""

    name: str
    violation: bool
    found: Verdict
    problems: tuple[str, ...]
    collateral: tuple[str, ...]


class Row(NamedTuple):
    """One rule's line of the kill matrix."""

    rule_id: str
    mutants: tuple[Judged, ...]

    @property
    def violations(self) -> tuple[Judged, ...]:
        """The injected violations."""
        return tuple(m for m in self.mutants if m.violation)

    @property
    def lookalikes(self) -> tuple[Judged, ...]:
        """The look-alikes."""
        return tuple(m for m in self.mutants if not m.violation)


def verdicts(facts: Facts, pack: Pack, context: Context) -> Verdicts:
    """Each rule's verdict."""
    report = verdict(facts, pack, context, Answers(facts, context))
    return {result.rule_id: result.verdict for result in report.results}


def unsettled(sample: Sample, pack: Pack) -> Verdicts:
    """The rules that the sample does not respect, though it should: empty when it is 100 % conforming."""
    gate = {rule.id for rule in pack.rules if rule.decided_by is DecidedBy.GATE}
    found = verdicts(sample.facts, pack, sample.context())
    return {rule: v for rule, v in found.items() if v not in SETTLED and rule not in gate}


def judged(rule_id: str, mutations: Mutations, sample: Sample, pack: Pack) -> Row:
    """The row of one rule."""
    base = verdicts(sample.facts, pack, sample.context())
    mutants = [
        _judged(rule_id, mutation, sample, pack, base=base, violation=violation)
        for violation, listed in ((True, mutations.violations), (False, mutations.lookalikes))
        for mutation in listed
    ]
    return Row(rule_id, tuple(mutants))


def _judged(rule_id: str, mutation: Mutation, sample: Sample, pack: Pack, *, base: Verdicts, violation: bool) -> Judged:
    try:
        facts, context = sample.mutated(mutation), sample.context(mutation)
    except (PackError, ValueError) as error:
        return Judged(mutation.name, violation, Verdict.NOT_EVALUATED, (f"mutation inapplicable : {error}",), ())
    if facts == sample.facts and context == sample.context():
        return Judged(mutation.name, violation, base[rule_id], ("la mutation ne change rien",), ())
    found = verdicts(facts, pack, context)
    expected = Verdict(mutation.expect) if mutation.expect else Verdict.VIOLATED if violation else base[rule_id]
    changed = {r for r, v in found.items() if v != base[r] and v is not Verdict.NOT_EVALUATED and r != rule_id}
    problems = []
    if found[rule_id] is not expected:
        problems.append(f"{found[rule_id].value} au lieu de {expected.value}")
    problems += [f"{rule} change aussi ({found[rule].value})" for rule in sorted(changed - mutation.also.keys())]
    problems += [f"{rule} ne change pas, contrairement à « also »" for rule in sorted(mutation.also.keys() - changed)]
    return Judged(mutation.name, violation, found[rule_id], tuple(problems), tuple(sorted(changed)))
