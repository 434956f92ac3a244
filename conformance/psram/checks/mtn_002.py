"""MTN-002: every entity belongs to an organisation, or is declared shared with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts, Mark
from psram.model import Context, Finding, Outcome
from psram.tenancy import Classes, entities

_REASON = re.compile(r"""^\(\s*(?:reason\s*:\s*)?['"][^'"]{3,}""")


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an entity that is neither scoped nor shared, that is both, or shared without a reason."""
    return outcome(_problems(facts, params))


def _problems(facts: Facts, params: Params) -> Iterator[Finding]:
    classes = Classes(facts)
    for entity in entities(facts):
        scoped = classes.uses(entity.declaration, params["trait"])
        shared = _shared(entity.declaration.attributes, params["shared_attribute"])
        line, path = entity.declaration.line, entity.file.path
        if not scoped and shared is None:
            said = f"l'entité {entity.short} n'est ni rattachée à un organisme ni déclarée partagée"
            yield Finding(said, path, line)
        elif scoped and shared is not None:
            yield Finding(f"l'entité {entity.short} est à la fois rattachée et déclarée partagée", path, shared.line)
        elif shared is not None and not _REASON.match(shared.detail):
            yield Finding(f"l'entité {entity.short} est déclarée partagée sans raison", path, shared.line)


def _shared(attributes: tuple[Mark, ...], name: str) -> Mark | None:
    return next((a for a in attributes if a.name.lower() == name.lower()), None)
