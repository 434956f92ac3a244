"""CMP-001: composer.lock is there and was made from this composer.json."""

from __future__ import annotations

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated when a file is missing, unreadable or stale; what needs composer.json is then not evaluated."""
    composer = facts.composer
    if not composer.manifest_present:
        return outcome([Finding("composer.json manque à la racine du dépôt", "composer.json")], prevents=True)
    if composer.manifest_problem:
        return outcome([Finding(composer.manifest_problem, "composer.json", 1)], prevents=True)
    if not composer.lock_present:
        return outcome(
            [Finding("composer.lock manque : les versions installées ne sont pas fixées", "composer.json", 1)]
        )
    if composer.lock_problem:
        return outcome([Finding(composer.lock_problem, "composer.lock", 1)])
    if not composer.locked_hash or composer.locked_hash != composer.content_hash:
        said = "composer.lock ne correspond plus à composer.json (content-hash différent)"
        return outcome([Finding(said, "composer.lock", 1)])
    return outcome([])
