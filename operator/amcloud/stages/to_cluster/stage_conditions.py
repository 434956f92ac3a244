"""What a pass learnt of one stage, as conditions and in words; what an earlier pass knew is ``status``'s."""

from __future__ import annotations

from collections.abc import Iterator

from amcloud.stages.conditions import Condition, Status
from amcloud.stages.declared.app import StageName
from amcloud.stages.gate import moments
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import ROLLOUT_FAILURES, Reason
from amcloud.stages.to_cluster import tenant_isolated
from psram.model import Report, ReportVerdict

_ONLY_SOURCES = (
    "Les règles sur les sources sont respectées ; celles sur le pipeline ne sont pas vérifiées, "
    "puisqu'une application hors-standard n'est pas hébergée."
)
NOT_KNOWN = frozenset({Reason.FORGE_UNAVAILABLE, Reason.SERVICE_UNAVAILABLE})
_SOURCE = frozenset({Reason.REF_NOT_FOUND, Reason.REPOSITORY_REFUSED})
_ACCEPTANCE = frozenset({Reason.ACCEPTANCE_MISSING, Reason.SPONSOR_MISSING})
_BUILD = frozenset({Reason.BUILDING, Reason.BUILD_FAILED, Reason.IMAGE_REFUSED})
_NOT_PROVISIONED = frozenset(
    {Reason.PROVISIONING, Reason.NOT_OWNED, Reason.SECRET_MISSING, Reason.MIGRATION_FAILED, Reason.BROKEN_INSTALLATION}
)
_ROLLOUT = ROLLOUT_FAILURES | {Reason.ROLLING_OUT}


def of(outcome: StageOutcome) -> Iterator[Condition]:
    """What this pass learnt, as conditions of the stage."""
    reason, text = outcome.reason, sentence(outcome)
    yield Condition("Ready", _ready(outcome), reason, text)
    if reason in _SOURCE and outcome.report is None:
        yield Condition("SourceFetched", Status.FALSE, reason, text)
    elif outcome.commit is not None:
        yield Condition("SourceFetched", Status.TRUE, Reason.SOURCE_FETCHED, f"commit {outcome.commit}")
    else:
        yield Condition("SourceFetched", Status.UNKNOWN, reason, text)
    if outcome.report is not None:
        yield from _judgement(outcome, outcome.report)
    if outcome.stage is StageName.PRODUCTION and reason in _ACCEPTANCE:
        yield Condition("Accepted", Status.FALSE, reason, text)
    elif outcome.stage is StageName.PRODUCTION and outcome.image and not outcome.partial and _let_in(outcome):
        yield Condition("Accepted", Status.TRUE, Reason.ACCEPTED, "procès-verbal de recette positif pour ce commit")
    if outcome.image is not None:
        yield Condition("Built", Status.TRUE, Reason.BUILT, outcome.image)
    elif reason in _BUILD or (reason is Reason.REPOSITORY_REFUSED and outcome.report is not None):
        yield Condition("Built", Status.FALSE, reason, text)
    yield from _instance(outcome, text)


def _instance(outcome: StageOutcome, text: str) -> Iterator[Condition]:
    reason = outcome.reason
    if reason in _NOT_PROVISIONED and outcome.deployed is not None:
        yield Condition("Provisioned", Status.FALSE, reason, text)
    elif outcome.url is not None or reason in _ROLLOUT:
        yield Condition("Provisioned", Status.TRUE, Reason.PROVISIONED, "les objets de l'instance sont en place")
    if outcome.serving is not None:
        serving = outcome.serving
        words = "des répliques répondent" if serving else "aucune réplique ne répond"
        if serving and outcome.deployed and outcome.withdrawn and outcome.withdrawn.revision != outcome.deployed:
            words = f"revenue à {outcome.deployed.commit[:8]} : {outcome.withdrawn.revision.commit[:8]} n'a pas abouti"
            yield Condition("Available", Status.TRUE, Reason.ROLLED_BACK, words)
        else:
            state, why = (Status.TRUE, Reason.SERVING) if serving else (Status.FALSE, reason)
            yield Condition("Available", state, why, words)
    elif outcome.deployed is None:
        yield Condition("Available", Status.FALSE, reason, "aucune révision n'a encore été mise en service")
    if reason is Reason.MIGRATION_FAILED:
        yield Condition("DatabaseReady", Status.FALSE, reason, text)
    elif outcome.database_ready:
        full = outcome.storage.sentence() if outcome.storage and outcome.storage.exceeded else ""
        why = Reason.STORAGE_EXCEEDED if full else Reason.DATABASE_READY
        yield Condition("DatabaseReady", Status.TRUE, why, full or "base et rôles en place")
    if outcome.isolation is not None:
        yield tenant_isolated.condition(outcome.isolation)


def _judgement(outcome: StageOutcome, report: Report) -> Iterator[Condition]:
    verdict = outcome.verdict
    text = report.sentence if outcome.verdict is None else outcome_sentence(outcome, report)
    if verdict is ReportVerdict.VIOLATED:
        yield Condition("Conformant", Status.FALSE, Reason.NOT_CONFORMANT, text)
    elif verdict is ReportVerdict.CONFORMING and not outcome.partial:
        yield Condition("Conformant", Status.TRUE, Reason.CONFORMANT, text)
    elif verdict is ReportVerdict.CONFORMING and outcome.ended is Ended.CATALOGUED:
        yield Condition("Conformant", Status.UNKNOWN, Reason.CATALOGUED, _ONLY_SOURCES)
    elif verdict is ReportVerdict.CONFORMING:
        waits = "Les règles sur les sources sont respectées ; celles sur le pipeline restent à vérifier."
        yield Condition("Conformant", Status.UNKNOWN, Reason.CHECKING, waits)
    else:
        yield Condition("Conformant", Status.UNKNOWN, Reason.CONFORMANCE_UNKNOWN, text)
    if report.derogations_used:
        names = "dérogations utilisées : " + ", ".join(report.derogations_used)
        yield Condition("Derogated", Status.TRUE, Reason.DEROGATED, names)


def outcome_sentence(outcome: StageOutcome, report: Report) -> str:
    """The report's sentence for the rules that counted."""
    assert outcome.moment is not None
    return report.sentence_for(moments(outcome.stage, outcome.moment))


def _let_in(outcome: StageOutcome) -> bool:
    return outcome.deployed is not None and outcome.deployed.commit == outcome.commit


def _ready(outcome: StageOutcome) -> Status:
    match outcome.ended:
        case Ended.SERVING | Ended.CATALOGUED:
            return Status.TRUE
        case Ended.REFUSED:
            return Status.FALSE
        case Ended.WAITING | Ended.GOING:
            return Status.UNKNOWN if outcome.reason in NOT_KNOWN else Status.FALSE


def sentence(outcome: StageOutcome) -> str:
    """What the pass says of one stage, never empty."""
    match outcome.ended:
        case Ended.SERVING:
            return f"En service : {outcome.url}{f' ; {outcome.sentence}' if outcome.sentence else ''}"
        case Ended.GOING:
            return "Vérification en cours."
        case Ended.WAITING | Ended.REFUSED | Ended.CATALOGUED:
            return outcome.sentence
