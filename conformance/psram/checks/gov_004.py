"""GOV-004: nobody rewrites the default branch nor the tags that are hosted."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Finding, ForgeEvidence, Giver, Outcome
from psram.proofs import ProtectedRef

_NOBODY = 0


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated where a push can rewrite or bypass: read on the forge by the platform."""
    forge = context.evidence.forge
    if forge is None or forge.problem:
        said = "les réglages du projet lus sur la forge" if forge is None else forge.problem
        return unknown(said, giver=Giver.PLATFORM, confirm=True)
    return outcome([*_branch(forge, params), *_approvals(forge, params), *_tags(forge, params)])


def _branch(forge: ForgeEvidence, params: Params) -> Iterator[Finding]:
    name = forge.default_branch
    rules = _covering(forge.protected_branches, name)
    if not rules:
        yield Finding(f"la branche par défaut « {name} » n'est pas protégée")
    if any(rule.force_push for rule in rules):
        yield Finding(f"la branche « {name} » accepte les poussées forcées : son histoire peut être réécrite")
    least = int(params["merge_level"])
    if any(_weaker(rule.push_level, least) for rule in rules):
        yield Finding(f"la branche « {name} » accepte les poussées directes de qui n'est pas mainteneur")
    if any(_weaker(rule.merge_level, least) for rule in rules):
        yield Finding(f"la branche « {name} » accepte les fusions de qui n'est pas mainteneur")


def _approvals(forge: ForgeEvidence, params: Params) -> Iterator[Finding]:
    """Editions of the forge without approvals tell nothing, and are not blamed."""
    wanted = int(params["approvals"])
    if forge.approvals_required is not None and forge.approvals_required < wanted:
        yield Finding(f"une demande de fusion passe avec {forge.approvals_required} approbation, {wanted} attendue")


def _tags(forge: ForgeEvidence, params: Params) -> Iterator[Finding]:
    for sample in params["release_tags"]:
        rules = _covering(forge.protected_tags, str(sample))
        if not rules:
            yield Finding(f"les étiquettes de version comme « {sample} » ne sont pas protégées")
        elif any(_weaker(rule.push_level, int(params["merge_level"])) for rule in rules):
            yield Finding(f"les étiquettes comme « {sample} » peuvent être créées par qui n'est pas mainteneur")


def _covering(rules: tuple[ProtectedRef, ...], name: str) -> list[ProtectedRef]:
    """The forge applies the most permissive of all the rules that match."""
    return [rule for rule in rules if rule.pattern == name or fnmatch.fnmatchcase(name, rule.pattern)]


def _weaker(level: int, least: int) -> bool:
    return level != _NOBODY and level < least
