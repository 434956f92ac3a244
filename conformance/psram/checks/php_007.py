"""PHP-007: the request is read through Symfony, not through PHP's superglobals."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import at, ignored, outcome
from psram.facts import Facts
from psram.model import Context, Outcome
from psram.tenancy import php_files


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a superglobal outside the front controller."""
    return outcome(
        at(file, mark, f"{mark.name} est lu hors du contrôleur frontal")
        for file, php in php_files(facts)
        if not ignored(file.path, params)
        for mark in php.marks
        if mark.kind == "superglobal"
    )
