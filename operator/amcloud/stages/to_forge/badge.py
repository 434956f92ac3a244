"""What an application's badge says: does what serves respect the norms, today? Pure.

A badge speaks of the revision in service, never of a newer one that was refused: a bad push is no news of the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from amcloud.stages.declared.app import App, StageName, Track
from amcloud.stages.gate import Moment, moments
from amcloud.stages.outcome import Ended, StageOutcome
from amcloud.stages.reasons import Reason
from psram.model import Report, ReportVerdict

WARNED_FOR: Final = timedelta(days=90)
"""How long before its conformity ends an application is warned."""
_REFUSED: Final = frozenset({Reason.NOT_CONFORMANT, Reason.CONFORMANCE_UNKNOWN})


class State(StrEnum):
    """The words of a badge, without accents as they are stored."""

    CONFORMING = "conforme"
    WARNED = "avertie"
    FROZEN = "gelee"
    NOT_HOSTED = "non-hebergee"


@dataclass(frozen=True, slots=True)
class Badge:
    """One stage's badge. ``day`` is the date that it shows, ``None`` for the day since when its state holds."""

    stage: StageName
    state: State
    sentence: str
    day: date | None = None


def of(app: App, outcome: StageOutcome, serving: Report | None, *, suspended: bool, today: date) -> Badge | None:
    """The badge of a stage; ``None`` when the pass did not learn enough to change the last one.

    ``serving`` is the newest report of the revision in service, ``None`` when there is none.
    """
    if outcome.deployed is None or app.track is Track.HORS_STANDARD:
        standard = app.track is not Track.HORS_STANDARD
        words = "Aucune révision n'est en service." if standard else "Filière hors-standard : jamais hébergée."
        return Badge(outcome.stage, State.NOT_HOSTED, words)
    if suspended:
        return Badge(outcome.stage, State.FROZEN, "Hébergement suspendu : aucune nouvelle révision n'est acceptée.")
    if serving is None or serving.commit != outcome.deployed.commit:
        return None
    verdict = _verdict(outcome, serving, today)
    if verdict is not ReportVerdict.CONFORMING:
        return _lapsed(outcome, serving.pack.name, verdict)
    return _conforming(outcome.stage, serving, today)


def _verdict(outcome: StageOutcome, serving: Report, today: date) -> ReportVerdict:
    """What the report says today: an old one foresees the day on which its verdict ends."""
    horizon = serving.horizon
    if horizon is not None and horizon.on is not None and horizon.on <= today:
        return horizon.verdict or ReportVerdict.UNKNOWN
    return serving.verdict_for(moments(outcome.stage, Moment.HOST))


def _conforming(stage: StageName, serving: Report, today: date) -> Badge:
    until = serving.horizon.on if serving.horizon else None
    if until is not None and until - today <= WARNED_FOR:
        words = f"Conforme à {serving.pack.name}, mais plus à partir du {until:%d/%m/%Y}."
        return Badge(stage, State.WARNED, words, until)
    day = f" Jusqu'au {until - timedelta(days=1):%d/%m/%Y}, si rien ne change." if until else ""
    return Badge(
        stage, State.CONFORMING, f"La révision en service respecte {serving.pack.name}.{day}", serving.evaluated_on
    )


def shown(badges: Iterable[Badge]) -> Badge | None:
    """The badge of an application as a whole: of the last stage where it is hosted, else of the last one."""
    ordered = sorted(badges, key=lambda one: list(StageName).index(one.stage), reverse=True)
    hosted = (one for one in ordered if one.state is not State.NOT_HOSTED)
    return next(hosted, ordered[0] if ordered else None)


def _lapsed(outcome: StageOutcome, pack: str, verdict: ReportVerdict) -> Badge:
    """What serves no longer conforms: warned, and frozen once a newer revision was refused for it too."""
    doubt = verdict is ReportVerdict.UNKNOWN
    found = f"ne peut plus être dite conforme à {pack}" if doubt else f"ne respecte plus {pack}"
    newer = outcome.deployed is not None and outcome.commit not in {None, outcome.deployed.commit}
    if newer and outcome.ended is Ended.REFUSED and outcome.reason in _REFUSED:
        words = f"La révision en service {found}, et une nouvelle révision a été refusée."
        return Badge(outcome.stage, State.FROZEN, words)
    return Badge(outcome.stage, State.WARNED, f"La révision en service {found}. Le service continue.")
