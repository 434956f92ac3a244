"""SYM-002: the Starter Kit is required, locked in a supported version and enabled."""

from __future__ import annotations

from collections.abc import Iterator

from psram import versions
from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts
from psram.index import content
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated when the kit is not required, not in the supported range or its bundle not on in production."""
    return outcome([*_required(facts, params), *_enabled(facts, params)])


def _required(facts: Facts, params: Params) -> Iterator[Finding]:
    composer, package, supported = facts.composer, str(params["package"]), str(params["supported"])
    if not any(c.name == package for c in composer.require):
        line = composer.lines.get("require", 1)
        yield Finding(f"{package} n'est pas exigé par composer.json", "composer.json", line)
        return
    if not composer.lock_present or composer.lock_problem:
        return  # CMP-001 says it
    locked = next((p for p in composer.packages if p.name == package and not p.dev), None)
    if locked is None:
        yield Finding(f"{package} n'est pas dans composer.lock", "composer.lock", 1)
    elif versions.allows(supported, locked.version) is not True:
        said = f"{package} {locked.version} n'est plus maintenu ; versions admises : {supported}"
        yield Finding(said, "composer.lock", 1)


def _enabled(facts: Facts, params: Params) -> Iterator[Finding]:
    bundle = str(params["bundle"])
    file = content(facts, "config/bundles.php")
    if file is None or file[1].php is None:
        yield Finding("config/bundles.php manque ou ne peut pas être lu", "config/bundles.php")
        return
    mark = next((m for m in file[1].php.bundles if m.name == bundle), None)
    hidden = next((m for m in file[1].php.bundles if m.kind == "bundle-hidden"), None)
    if mark is None:
        yield Finding(f"{bundle} n'est pas activé", "config/bundles.php", 1)
    elif not {"all", "prod"} & set(mark.detail.split(",")):
        yield Finding(f"{bundle} n'est pas activé en production", "config/bundles.php", mark.line)
    elif hidden is not None:
        said = f"la liste dépend de ce qui s'exécute : écrivez un seul « return [ … ]; » avec {bundle}"
        yield Finding(said, "config/bundles.php", hidden.line)
