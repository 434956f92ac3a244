"""When a rule applies: conditions that a rule's data may name, over a closed list of countable facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from psram.facts import Facts
from psram.memo import of_facts
from psram.model import Context
from psram.roles import Role, roles
from psram.rules import Condition
from psram.tenancy import entities, places


def _roles(role: Role) -> Callable[[Facts], int]:
    return lambda facts: _count(f for f in facts.files if role in roles(f.path))


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


FACTS: Final[dict[str, Callable[[Facts], int]]] = {
    "files": lambda facts: len(facts.files),
    "php.files": of_facts(lambda facts: _count(b for b in facts.blobs.values() if b.php is not None)),
    "yaml.files": _roles(Role.YAML),
    "twig.files": _roles(Role.TWIG),
    "sql.files": _roles(Role.SQL),
    "composer.manifest": lambda facts: int(facts.composer.manifest_present),
    "composer.packages": lambda facts: len(facts.composer.packages),
    "doctrine.entities": lambda facts: _count(entities(facts)),
    "data.places": places,
    "dockerfile": of_facts(lambda facts: _count(f for f in facts.files if f.path == "Dockerfile")),
}
"""What a condition may count. A new fact is one line here."""

CONDITIONS: Final[dict[str, Condition]] = {
    "always": Condition(),
    "php": Condition(fact="php.files"),
    "composer": Condition(fact="composer.manifest"),
    "entities": Condition(fact="doctrine.entities"),
    "persistence": Condition(fact="data.places"),
    "dockerfile": Condition(fact="dockerfile"),
}
"""Short names of usual conditions."""


def problem(condition: str | Condition) -> str:
    """Why the condition cannot be evaluated, in French; empty when it can."""
    if isinstance(condition, str):
        return "" if condition in CONDITIONS else f"condition inconnue « {condition} »"
    return "" if condition.fact in ("", *FACTS) else f"fait inconnu « {condition.fact} »"


def applies(condition: str | Condition, facts: Facts, context: Context) -> bool:
    """Whether the condition holds. Raises ``KeyError`` on an unknown one."""
    asked = CONDITIONS[condition] if isinstance(condition, str) else condition
    declared = context.evidence.declaration
    return (
        (not asked.tracks or context.track in asked.tracks)
        and (not asked.stages or context.stage in asked.stages)
        and (not asked.criticalities or (declared is not None and declared.criticality in asked.criticalities))
        and (not asked.fact or FACTS[asked.fact](facts) >= asked.min)
    )
