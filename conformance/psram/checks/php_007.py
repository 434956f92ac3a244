"""PHP-007: the request is read through Symfony, not through PHP's superglobals."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts, Mark
from psram.model import Context, Outcome
from psram.tenancy import php_files


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a superglobal outside the front controller."""
    return outcome(
        at(file, mark, _message(mark))
        for file, php in php_files(facts)
        if not ignored(file.path, params)
        for mark in php.marks
        if mark.kind == "superglobal"
    )


def _message(mark: Mark) -> str:
    if mark.detail == "computed":
        return f"{mark.name} : une variable dont le nom est calculé peut être une superglobale"
    return f"{mark.name} est lu hors du contrôleur frontal"
