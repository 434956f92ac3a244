"""Asks one rule's check, once, and bounds what can go wrong: a crash is that rule's "could not find out" alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from psram import applicability, checks, sufficiency
from psram.facts import Facts
from psram.fingerprints import fingerprinted
from psram.model import MAX_FINDINGS, Context, Outcome, Verdict
from psram.proofs import Giver
from psram.rules import DecidedBy, EvidenceClass, Rule

_FROM_REPOSITORY: Final = frozenset({EvidenceClass.OBSERVED})


class Answers:
    """Outcomes of the rules' checks on the same facts in the same context, each check asked at most once.

    ``known`` are outcomes that hold as they are: those of rules whose answer does not depend on what changed.
    """

    def __init__(self, facts: Facts, context: Context, known: Mapping[str, Outcome] | None = None) -> None:
        self._facts = facts
        self._context = context
        self._known: dict[str, Outcome] = dict(known or {})

    def of(self, rule: Rule) -> Outcome:
        """What the rule's check says, its findings in order and with their fingerprints.

        Beyond those that are shown, findings have a fingerprint only where a derogation could name it.
        """
        if rule.id not in self._known:
            outcome = ask(rule, self._facts, self._context)
            narrow = any(d.rule_id == rule.id and d.fingerprints for d in self._context.derogations)
            found = fingerprinted(rule.id, outcome.findings, at_most=None if narrow else MAX_FINDINGS)
            self._known[rule.id] = msgspec.structs.replace(outcome, findings=found)
        return self._known[rule.id]

    @property
    def given(self) -> Mapping[str, Outcome]:
        """Outcomes asked so far, by rule."""
        return self._known


def ask(rule: Rule, facts: Facts, context: Context) -> Outcome:
    """The outcome of one rule, other rules and derogations left aside. Never raises."""
    try:
        return _asked(rule, facts, context)
    except Exception as error:  # noqa: BLE001  one check's crash is that rule's "could not find out", never another's
        return _broken(f"la vérification elle-même a échoué ({type(error).__name__})")


def _asked(rule: Rule, facts: Facts, context: Context) -> Outcome:
    if facts.truncated and rule.evidence in _FROM_REPOSITORY:  # what was not read may be what makes it apply
        said = f"le dépôt n'a pas pu être lu en entier : {facts.truncated}"
        return Outcome(Verdict.UNKNOWN, missing_evidence=said, giver=Giver.DEVELOPER)
    if not applicability.applies(rule.applies, facts, context):
        return Outcome(Verdict.NOT_APPLICABLE)
    if rule.decided_by is DecidedBy.GATE:
        said = "décidée par la porte d'hébergement, sur pièce signée"
        return Outcome(Verdict.TO_VALIDATE, missing_evidence=said, giver=Giver.AUDITOR)
    lacking = sufficiency.lacking(rule, facts, context)
    if lacking is not None:
        return lacking
    check = _check(rule)
    if check is None:
        return _broken("ce moteur n'a pas encore de vérification pour cette règle")
    outcome = check(facts, rule.params, context)
    outdated = sufficiency.outdated_on(rule, context)
    return msgspec.structs.replace(outcome, next_dates=outcome.next_dates + outdated) if outdated else outcome


def _check(rule: Rule) -> checks.Check | None:
    try:
        return checks.find(rule.id)
    except LookupError:
        return None


def _broken(said: str) -> Outcome:
    return Outcome(
        Verdict.UNKNOWN, missing_evidence=f"{said} : prévenez l'équipe de la plateforme", giver=Giver.PLATFORM
    )
