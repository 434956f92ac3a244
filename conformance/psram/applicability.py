"""When a rule applies: the closed list of conditions that a rule's data may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from psram.facts import Facts
from psram.tenancy import entities


def _php(facts: Facts) -> bool:
    return any(blob.php is not None for blob in facts.blobs.values())


def _composer(facts: Facts) -> bool:
    return facts.composer.manifest_present


def _entities(facts: Facts) -> bool:
    return any(True for _ in entities(facts))


def _dockerfile(facts: Facts) -> bool:
    return any(f.path == "Dockerfile" for f in facts.files)


CONDITIONS: Final[dict[str, Callable[[Facts], bool]]] = {
    "always": lambda _facts: True,
    "php": _php,
    "composer": _composer,
    "entities": _entities,
    "dockerfile": _dockerfile,
}


def applies(condition: str, facts: Facts) -> bool:
    """Whether the condition holds. Raises ``KeyError`` on an unknown one."""
    return CONDITIONS[condition](facts)
