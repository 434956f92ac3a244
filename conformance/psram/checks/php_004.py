"""PHP-004: every class file starts with strict types."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import ignored, outcome
from psram.facts import Facts
from psram.index import php_files
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a file that declares a class or a function without ``declare(strict_types=1)`` first."""
    return outcome(
        Finding("declare(strict_types=1) manque en tête du fichier", file.path, 1)
        for file, php in php_files(facts)
        if not php.only_data and not php.strict_types and not ignored(file.path, params)
    )
