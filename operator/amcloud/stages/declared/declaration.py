"""The LocalApp as the record of a declaration: what the rules on governance read of it."""

from __future__ import annotations

from amcloud.stages.declared.app import App
from psram.proofs import Declaration


def of(app: App) -> Declaration:
    """What the manifest declares. Without a date: it is read whenever it is judged with, and never grows old."""
    return Declaration(
        name=app.name,
        project=app.repository.project if app.repository else "",
        owner=app.owner,
        track=app.track.value,
        criticality=app.criticality.value,
        maturity=app.maturity.value,
        classification=app.privacy.value,
        register=app.register,
    )
