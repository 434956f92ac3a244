"""Whether the evidence that a rule needs is there, of this commit, of the required class and not outdated.

Which evidence a rule needs, its class and its lifetime are the rule's data. What is missing is said, with who gives it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple, assert_never

from psram.facts import Facts
from psram.model import Context, NextDate, Outcome, Verdict
from psram.proofs import Evidence, Giver
from psram.rules import EvidenceClass, Lifetime, Rule, Source

_STRENGTH: Final = (EvidenceClass.DECLARED, EvidenceClass.PRODUCED, EvidenceClass.OBSERVED, EvidenceClass.SIGNED)
_ABSENT: Final = {
    Source.PIPELINE: "le pipeline de ce commit, que la forge fournit quand il est terminé",
    Source.TESTS: "le rapport JUnit du pipeline de ce commit (artifacts:reports:junit du job « tests »)",
    Source.DECLARATION: "la déclaration de l'application sur le portail (LocalApp)",
    Source.FORGE: "les réglages du projet lus sur la forge",
    Source.ADVISORIES: "la base d'avis de sécurité, que la plateforme tient à jour",
    Source.PHPCS: "le rapport phpcs du pipeline de ce commit",
    Source.PHPSTAN: "le rapport PHPStan du pipeline de ce commit",
    Source.COBERTURA: "le rapport de couverture (cobertura) du pipeline de ce commit",
}
_PLATFORM: Final = frozenset({Source.DECLARATION, Source.FORGE, Source.ADVISORIES})


class _Proof(NamedTuple):
    """What is known of one piece of evidence; ``commit`` is ``None`` for what is not bound to one."""

    strength: EvidenceClass
    commit: str | None
    observed_on: date | None
    problem: str


def lacking(rule: Rule, facts: Facts, context: Context) -> Outcome | None:
    """The undecided outcome of a rule whose evidence does not suffice; ``None`` when it does."""
    found = (_lacking(source, rule, facts, context) for source in rule.needs)
    return next((outcome for outcome in found if outcome is not None), None)


def _lacking(source: Source, rule: Rule, facts: Facts, context: Context) -> Outcome | None:
    proof = _proof(source, context.evidence)
    giver = Giver.PLATFORM if source in _PLATFORM else Giver.PIPELINE
    if proof is None:
        return _unknown(_ABSENT[source], giver)
    if proof.commit is not None and proof.commit != facts.commit:
        return _unknown(f"{_ABSENT[source]} : celui fourni est du commit {proof.commit[:12] or 'inconnu'}", giver)
    if _STRENGTH.index(proof.strength) < _STRENGTH.index(rule.evidence):
        return _unknown(proof.problem or f"{_ABSENT[source]}, lu par la plateforme elle-même", Giver.PLATFORM)
    said = proof.problem or _outdated(source, rule, proof, context.evaluated_on)
    return _unknown(said, giver) if said else None


def _outdated(source: Source, rule: Rule, proof: _Proof, day: date) -> str:
    """Why the evidence is too old, or of an age that nobody knows; empty when it is not."""
    if isinstance(rule.lifetime, Lifetime) and proof.observed_on is None:
        return f"{_ABSENT[source]} : la date de ce qui est fourni n'est pas connue"
    ends = _ends(rule, proof)
    if ends is not None and day >= ends:
        return f"{_ABSENT[source]} : ce qui est fourni date du {proof.observed_on}, périmé le {ends}"
    return ""


def outdated_on(rule: Rule, context: Context) -> tuple[NextDate, ...]:
    """The days on which evidence that the platform does not renew by itself grows too old."""
    found = []
    for source in rule.needs:
        if source in _PLATFORM:
            continue
        proof = _proof(source, context.evidence)
        ends = None if proof is None else _ends(rule, proof)
        if ends is not None:
            found.append(NextDate(ends, f"{rule.id} : preuve périmée ({_ABSENT[source]})"))
    return tuple(found)


def _ends(rule: Rule, proof: _Proof) -> date | None:
    match rule.lifetime:
        case Lifetime(days=days):
            return None if proof.observed_on is None else proof.observed_on + timedelta(days=days)
        case "commit":
            return None
        case _ as never:
            assert_never(never)


def _unknown(missing: str, giver: Giver) -> Outcome:
    """Undecided; only to confirm where nothing but the platform is missing."""
    confirm = giver is Giver.PLATFORM
    return Outcome(Verdict.UNKNOWN, missing_evidence=missing, giver=giver, confirm=confirm)


def _proof(source: Source, evidence: Evidence) -> _Proof | None:
    match source:
        case Source.PIPELINE | Source.TESTS:
            return _pipeline(source, evidence)
        case Source.PHPCS | Source.PHPSTAN | Source.COBERTURA:
            report = evidence.report(source.value)
            if report is None:
                return None
            return _Proof(_produced(report.trusted), report.commit, report.observed_on, report.problem)
        case Source.DECLARATION:
            declared = evidence.declaration
            return None if declared is None else _Proof(EvidenceClass.DECLARED, None, declared.observed_on, "")
        case Source.FORGE:
            forge = evidence.forge
            return None if forge is None else _Proof(EvidenceClass.OBSERVED, None, forge.observed_on, forge.problem)
        case Source.ADVISORIES:
            known = evidence.advisories
            return None if known is None else _Proof(EvidenceClass.OBSERVED, None, known.dated, known.problem)
        case _ as never:
            assert_never(never)


def _pipeline(source: Source, evidence: Evidence) -> _Proof | None:
    pipeline = evidence.pipeline
    if pipeline is None or (source is Source.TESTS and pipeline.tests is None and not pipeline.problem):
        return None
    strength = EvidenceClass.OBSERVED if pipeline.trusted and source is Source.PIPELINE else _produced(pipeline.trusted)
    return _Proof(strength, pipeline.commit, pipeline.observed_on, pipeline.problem)


def _produced(trusted: bool) -> EvidenceClass:
    """Reports that somebody handed over are a declaration; those that the platform fetched were produced."""
    return EvidenceClass.PRODUCED if trusted else EvidenceClass.DECLARED
