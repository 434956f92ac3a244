"""What is to be seen of an application and stops nothing: ``status.problems``, told at the end of ``Ready`` too."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from amcloud.stages.conditions import bounded, rfc3339
from amcloud.stages.declared import connectors
from amcloud.stages.declared.app import App
from amcloud.stages.outcome import StageOutcome

PROBLEMS_MOST: Final = 20
"""What the schema takes: a status that the server refuses would never be written again."""


def of(app: App, outcomes: tuple[StageOutcome, ...], now: datetime) -> list[dict[str, str]]:
    """``status.problems``: the place in the manifest, a sentence, and a date where there is one."""
    found = [
        {"path": f"spec.stages[{outcome.stage}]", "message": bounded(outcome.problem)}
        for outcome in outcomes
        if outcome.problem
    ]
    found += [
        {"path": "spec.repository.project", "message": bounded(f"Le projet s'appelle maintenant {one.renamed}.")}
        for one in outcomes[:1]
        if one.renamed
    ]
    found += [
        {"path": "spec.hosting.database.storage", "message": f"{outcome.stage} : {words}"}
        for outcome in outcomes
        if outcome.storage and (words := outcome.storage.sentence())
    ]
    found += [
        {"path": "spec.hosting.size", "message": bounded(f"{outcome.stage} : {outcome.put_off}")}
        for outcome in outcomes
        if outcome.put_off
    ]
    packs = {outcome.report.pack.name for outcome in outcomes if outcome.report is not None}
    if app.norm_pack is not None and packs and app.norm_pack not in packs:
        message = f"« {app.norm_pack} » n'est pas offert ou n'est pas plus récent que {packs.pop()}, qui s'applique."
        found.append({"path": "spec.normPack.version", "message": bounded(message)})
    return [*found, *_endings(app, outcomes, now)][:PROBLEMS_MOST]


def _endings(app: App, outcomes: tuple[StageOutcome, ...], now: datetime) -> list[dict[str, str]]:
    """Versions of connectors that end soon or have ended, the first to end first: the same for every stage."""
    offered = {name: one for outcome in outcomes for name, one in outcome.offered.items()}
    return [
        {"path": path, "message": bounded(message), "endOfLifeTime": rfc3339(ends_at)}
        for path, message, ends_at in connectors.problems(connectors.endings(app, offered, now=now))
    ]
