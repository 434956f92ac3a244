"""Step 3, the gate: may a commit go on, and if not, the one sentence that says why.

One pure function, :func:`decide`, of track, suspension, report, connectors, sponsor and acceptance, at a stage and a
moment. Its truth table is docs/porte.md, compared by ``tests/unit/amcloud/stages/test_gate.py``. Here too: which rules
count when (:data:`ENFORCED`), and whether a suspension is in force and what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from amcloud import paris
from amcloud.stages.declared import connectors
from amcloud.stages.declared.app import App, Authority, Service, StageName, Suspension, Track
from amcloud.stages.reasons import Reason
from psram.model import Report, ReportVerdict
from psram.rules import Moment as RuleMoment


class Moment(StrEnum):
    """When the gate is asked: before building, or before hosting."""

    BUILD = "build"
    HOST = "host"


class Answer(StrEnum):
    """What the gate says."""

    GO = "go"
    REFUSE = "refuse"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A procès-verbal de recette: its outcome for one commit."""

    commit: str
    positive: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the gate reads besides the report; governance fills it from its own resources.

    ``acceptances`` are in the order in which they were signed: the last one of a commit counts.
    """

    acceptances: tuple[Acceptance, ...] = ()
    derogations: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer with its closed reason and one sentence for the person who must act."""

    answer: Answer
    reason: Reason
    sentence: str


ENFORCED: Final = {
    StageName.DEVELOPMENT: frozenset({RuleMoment.SOURCE}),
    StageName.ACCEPTANCE: frozenset({RuleMoment.SOURCE, RuleMoment.PIPELINE}),
    StageName.PRODUCTION: frozenset(RuleMoment),
}
"""Moments whose blocking rules refuse at each stage; what comes later is only told."""


def moments(stage: StageName, moment: Moment) -> frozenset[RuleMoment]:
    """Moments whose rules count at ``stage`` when the gate is asked at ``moment``: nothing waits for later evidence."""
    match moment:
        case Moment.BUILD:
            return ENFORCED[stage] & {RuleMoment.SOURCE}
        case Moment.HOST:
            return ENFORCED[stage]
    assert_never(moment)


def decide(
    *,
    moment: Moment,
    app: App,
    stage: StageName,
    commit: str,
    report: Report,
    enforced: bool,
    dossier: Dossier,
    now: datetime,
    offered: connectors.Offered = MappingProxyType({}),
) -> Decision:
    """The gate's answer for one commit at one stage, from track, sponsor, suspension of ``app``, report and dossier.

    ``offered`` are the connectors that ``app`` declares, as far as they exist.
    """
    if app.track is Track.HORS_STANDARD:
        return Decision(Answer.CATALOGUE, Reason.CATALOGUED, CATALOGUED)
    if app.suspension is not None and in_force(app.suspension, now):
        return _refuse(Reason.SUSPENDED, suspended(app.suspension))
    if report.commit != commit:
        return _refuse(
            Reason.CONFORMANCE_UNKNOWN,
            f"Le rapport de conformité ne porte pas sur le commit {commit[:8]} : il est ignoré.",
        )
    refusal = _conformance(report, moments(stage, moment)) if enforced else None
    refusal = refusal or _connectors(app, stage, offered, now)
    if refusal is None and stage is StageName.PRODUCTION and moment is Moment.HOST:
        refusal = _sponsor(app) or _acceptance(dossier, commit)
    return refusal or Decision(Answer.GO, Reason.CONFORMANT, report.sentence_for(moments(stage, moment)))


CATALOGUED = (
    "Filière hors-standard : l'application est inscrite au catalogue et n'est jamais hébergée sur AM Cloud, "
    "quelle que soit sa qualité."
)


def in_force(suspension: Suspension, now: datetime) -> bool:
    """Whether a suspension still holds."""
    return suspension.until is None or now < suspension.until


def stops(suspension: Suspension | None, now: datetime) -> bool:
    """Whether what serves is stopped now."""
    return suspension is not None and suspension.service is Service.STOP and in_force(suspension, now)


def suspended(suspension: Suspension) -> str:
    """What a suspension says: by whom, until when, why, and what it does."""
    match suspension.by:
        case Authority.DDSI:
            by = f" par la DDSI ({suspension.author})" if suspension.author else " par la DDSI"
        case Authority.ORGANISATION:
            by = f" par l'organisme ({suspension.author})" if suspension.author else ""
        case _:
            assert_never(suspension.by)
    end = suspension.until
    until = f" jusqu'au {paris.day_and_hour(end)}" if end else ""
    why = suspension.reason.rstrip()
    why += "" if why.endswith((".", "!", "?", "…")) else "."
    match suspension.service:
        case Service.KEEP:
            effect = "Aucune nouvelle révision n'est mise en service."
        case Service.STOP:
            effect = "Le service est arrêté ; données et adresses restent."
        case _:
            assert_never(suspension.service)
    return f"Hébergement suspendu{by}{until} : {why} {effect}"


def _conformance(report: Report, counted: frozenset[RuleMoment]) -> Decision | None:
    verdict = report.verdict_for(counted)
    match verdict:
        case ReportVerdict.CONFORMING:
            return None
        case ReportVerdict.VIOLATED:
            return _refuse(Reason.NOT_CONFORMANT, report.sentence_for(counted))
        case ReportVerdict.UNKNOWN:
            return _refuse(Reason.CONFORMANCE_UNKNOWN, report.sentence_for(counted))
    assert_never(verdict)


def _connectors(app: App, stage: StageName, offered: connectors.Offered, now: datetime) -> Decision | None:
    found = connectors.refusal(app, stage, offered, now=now)
    return None if found is None else _refuse(Reason(found.flaw.value), found.sentence)


def _sponsor(app: App) -> Decision | None:
    if app.track is not Track.LABELLISATION or app.sponsor is not None:
        return None
    return _refuse(
        Reason.SPONSOR_MISSING,
        "La filière labellisation demande un commanditaire : renseignez spec.sponsor (direction de la Cnam).",
    )


def _acceptance(dossier: Dossier, commit: str) -> Decision | None:
    outcomes = [acceptance.positive for acceptance in dossier.acceptances if acceptance.commit == commit]
    if not outcomes:
        sentence = (
            f"Aucun procès-verbal de recette pour le commit {commit[:8]} : la DC2R doit en enregistrer un, positif."
        )
        return _refuse(Reason.ACCEPTANCE_MISSING, sentence)
    if not outcomes[-1]:
        sentence = (
            f"Le procès-verbal de recette du commit {commit[:8]} est négatif : corrigez puis repassez la recette."
        )
        return _refuse(Reason.ACCEPTANCE_MISSING, sentence)
    return None


def _refuse(reason: Reason, sentence: str) -> Decision:
    return Decision(Answer.REFUSE, reason, sentence)
