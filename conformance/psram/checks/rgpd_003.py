"""RGPD-003: no real personal data in the repository, tests and fixtures included. Values are never shown."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import at, ignored, outcome, read
from psram.facts import Facts
from psram.model import Context, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a social security or bank account number whose control key is right."""
    return outcome(
        at(file, mark, f"{mark.name} dont la clé de contrôle est juste")
        for file, blob in read(facts)
        if not ignored(file.path, params)
        for mark in blob.personal
    )
