"""GOV-003: criticality and maturity are declared, and go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.model import Context, Declaration, Finding, Giver, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated where a level is missing or unknown, or where levels contradict each other."""
    declared = context.evidence.declaration
    if declared is None:
        return unknown("la déclaration de l'application sur le portail (LocalApp)", giver=Giver.PLATFORM, confirm=True)
    said = {
        "criticality": declared.criticality,
        "maturity": declared.maturity,
        "classification": declared.classification,
        "track": context.track.value,
        "stage": context.stage.value,
    }
    return outcome([*_levels(declared, params), *_together(said, params)])


def _levels(declared: Declaration, params: Params) -> Iterator[Finding]:
    for field, level in params["levels"].items():
        value = getattr(declared, str(field))
        if not value:
            yield Finding(f"{level['name']} n'est pas déclarée")
        elif value not in level["values"]:
            yield Finding(f"{level['name']} « {value} » n'existe pas ; valeurs : {', '.join(level['values'])}")


def _together(said: Mapping[str, str], params: Params) -> Iterator[Finding]:
    for row in params["contradictions"]:
        when: Mapping[str, Any] = row["when"]
        if all(said[str(field)] in values for field, values in when.items()):
            yield Finding(str(row["fr"]))
