"""CMP-001: composer.lock is there and was made from this composer.json."""

from __future__ import annotations

import re
from typing import Final

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts
from psram.model import Context, Finding, Outcome

_LINE: Final = re.compile(r"\(ligne (\d{1,9})\)")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated when a file is missing, unreadable or stale; what needs composer.json is then not evaluated."""
    composer = facts.composer
    if not composer.manifest_present:
        return outcome([Finding("composer.json manque à la racine du dépôt", "composer.json")], prevents=True)
    if composer.manifest_problem:
        said = f"{composer.manifest_problem} : à corriger d'abord (« composer validate » aide)"
        return outcome([Finding(said, "composer.json", _line(said))], prevents=True)
    if not composer.lock_present:
        return outcome(
            [Finding("composer.lock manque : les versions installées ne sont pas fixées", "composer.json", 1)]
        )
    if composer.lock_problem:
        return outcome([Finding(composer.lock_problem, "composer.lock", _line(composer.lock_problem))])
    if not composer.locked_hash or composer.locked_hash != composer.content_hash:
        said = "composer.lock ne correspond plus à composer.json (content-hash différent)"
        return outcome([Finding(said, "composer.lock", 1)])
    return outcome([])


def _line(problem: str) -> int:
    """The line that the problem names, else the first."""
    found = _LINE.search(problem)
    return int(found[1]) if found else 1
