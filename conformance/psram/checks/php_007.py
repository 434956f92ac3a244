"""PHP-007: the request is read through Symfony, not through PHP's superglobals."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts, Mark
from psram.index import marks
from psram.model import Context, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a superglobal outside the front controller."""
    return outcome(
        at(file, mark, _message(mark)) for file, mark in marks(facts, "superglobal") if not ignored(file.path, params)
    )


def _message(mark: Mark) -> str:
    if mark.detail == "computed":
        return f"{mark.name} : une variable dont le nom est calculé peut être une superglobale"
    return f"{mark.name} est lu hors du contrôleur frontal"
