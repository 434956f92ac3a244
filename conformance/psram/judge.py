"""Judges: facts, a pack and a context give a report. Pure: no clock, no file, no network; same inputs, same bytes."""

from __future__ import annotations

from typing import Final

import msgspec

from psram import derogations, horizon, path, threshold, timeline
from psram.asking import Answers
from psram.facts import Facts
from psram.fingerprints import fingerprinted
from psram.model import (
    MAX_FINDINGS,
    SETTLED,
    Context,
    Derogation,
    Outcome,
    PackRef,
    Report,
    ReportVerdict,
    RuleResult,
    Verdict,
    sentence,
)
from psram.packs import ordered
from psram.rules import Pack, Rule, Severity, Track
from psram.severity import severity_of
from psram.tenancy.matrix import matrix
from psram.tenancy.report import Tenancy

__all__ = ["ENGINE", "fingerprinted", "judge", "verdict"]

ENGINE: Final = "0.3.0"


def judge(facts: Facts, pack: Pack, context: Context) -> Report:
    """The report of these facts by this pack in this context."""
    answers = Answers(facts, context)
    report = verdict(facts, pack, context, answers)
    return msgspec.structs.replace(
        report,
        path=path.shortest(report, pack),
        horizon=horizon.solve(report, pack, context, answers.given, _again(facts, pack)),
        tenancy=_tenancy(facts, pack, context),
    )


def _tenancy(facts: Facts, pack: Pack, context: Context) -> Tenancy | None:
    """The tenancy matrix; ``None`` without data. It is a section of the report: its crash takes no verdict away."""
    try:
        return matrix(facts, pack, context)
    except Exception:  # noqa: BLE001  rules of isolation read the same analysis, and say that they could not tell
        return None


def _again(facts: Facts, pack: Pack) -> horizon.Judge:
    """Judging the same facts in another context; outcomes that still hold are not asked again."""

    def judged(context: Context, known: dict[str, Outcome]) -> tuple[Report, Answers]:
        answers = Answers(facts, context, known)
        return verdict(facts, pack, context, answers), answers

    return judged


def verdict(facts: Facts, pack: Pack, context: Context, answers: Answers) -> Report:
    """The report without path nor horizon."""
    results: dict[str, RuleResult] = {}
    prevented: set[str] = set()
    used: set[str] = set()
    for rule in ordered(pack):
        blocker = next((r for r in rule.requires if r in prevented), "")
        outcome = _outcome(rule, context, blocker, answers)
        covering = derogations.covering(
            rule.id, outcome.verdict, outcome.findings, context.derogations, context.evaluated_on
        )
        if blocker or (outcome.prevents and not covering):
            prevented.add(rule.id)
        used.update(d.name for d in covering)
        results[rule.id] = _result(rule, outcome, context, covering)
    judged = threshold.beyond(pack, context.track, [results[rule_id] for rule_id in sorted(results)])
    return _report(facts, pack, context, judged, used)


def _outcome(rule: Rule, context: Context, blocker: str, answers: Answers) -> Outcome:
    ended = rule.lifecycle.deprecated_on
    if ended is not None and context.evaluated_on >= ended:
        return Outcome(Verdict.NOT_APPLICABLE)
    if blocker:
        return Outcome(Verdict.NOT_EVALUATED, missing_evidence=f"{blocker} doit d'abord être corrigée")
    return answers.of(rule)


def _result(rule: Rule, outcome: Outcome, context: Context, covering: tuple[Derogation, ...]) -> RuleResult:
    given = Verdict.DEROGATED if covering else outcome.verdict
    severity = severity_of(rule, outcome, context)
    effective = rule.lifecycle.effective_on
    settled = given in SETTLED
    early = effective is not None and context.evaluated_on < effective and not settled
    decided = given is not Verdict.TO_VALIDATE  # what the gate or a person decides is not decided here as well
    return RuleResult(
        rule_id=rule.id,
        title=rule.title,
        family=rule.family,
        severity=severity,
        moment=rule.moment,
        verdict=given,
        blocks=severity is Severity.BLOCKING and decided and not settled and not early,
        findings=outcome.findings[:MAX_FINDINGS],
        findings_total=len(outcome.findings) + outcome.more,
        remedy="" if settled else rule.remediation.fr,
        effort="" if settled else rule.remediation.effort,
        missing_evidence=outcome.missing_evidence,
        to_confirm=outcome.confirm,
        reason=_reason(rule, context, early=early, settled=settled) or outcome.note,
        derogation=", ".join(f"{d.name} (jusqu'au {d.expires_on})" for d in covering),
        giver="" if outcome.giver is None else outcome.giver.value,
        decided_by=rule.decided_by,
        patch="" if settled else rule.remediation.patch,
        early=early,
    )


def _reason(rule: Rule, context: Context, *, early: bool, settled: bool) -> str:
    life = rule.lifecycle
    if early:
        return f"cette règle bloquera à partir du {life.effective_on}"
    if not settled and life.warned_on is not None and context.evaluated_on >= life.warned_on:
        replaced = f", remplacée par {life.replaced_by}" if life.replaced_by else ""
        return f"cette règle sera retirée{f' le {life.deprecated_on}' if life.deprecated_on else ''}{replaced}"
    return ""


def _report(facts: Facts, pack: Pack, context: Context, results: list[RuleResult], used: set[str]) -> Report:
    advisories = context.evidence.advisories
    draft = Report(
        commit=facts.commit,
        tree=facts.tree,
        pack=PackRef(pack.name, pack.version, pack.digest),
        engine=ENGINE,
        track=context.track,
        stage=context.stage,
        evaluated_on=context.evaluated_on,
        verdict=ReportVerdict.CONFORMING,
        sentence="",
        results=tuple(results),
        php_version=facts.syntax.php_version if facts.syntax else None,
        informative=context.track is Track.HORS_STANDARD,
        uncommitted=facts.uncommitted,
        hidden=facts.hidden,
        files=len(facts.files),
        derogations_used=tuple(sorted(used)),
        derogations_unused=tuple(sorted({d.name for d in context.derogations} - used)),
        pack_notice=timeline.notice(pack, context.evaluated_on),
        advisories_digest="" if advisories is None else advisories.digest,
        advisories_dated=None if advisories is None else advisories.dated,
        derogations=tuple(sorted((d for d in context.derogations if d.name in used), key=lambda d: d.name)),
    )
    moments = frozenset(r.moment for r in results)
    return msgspec.structs.replace(draft, verdict=draft.verdict_for(moments), sentence=sentence(draft.blocking()))
