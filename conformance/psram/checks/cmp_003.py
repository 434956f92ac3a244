"""CMP-003: the application asks for the PHP that hosts it."""

from __future__ import annotations

from collections.abc import Iterator

from psram import versions
from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import ComposerFacts, Facts
from psram.model import Context, Finding, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated when require.php refuses the hosted PHP or config.platform.php is another one."""
    return outcome(_problems(facts.composer, str(params["hosted_php"])))


def _problems(composer: ComposerFacts, hosted: str) -> Iterator[Finding]:
    constraint = next((c.constraint for c in composer.require if c.name == "php"), "")
    line = composer.lines.get("php", 1)
    if not constraint:
        yield Finding("composer.json n'exige aucune version de PHP", "composer.json", composer.lines.get("require", 1))
    elif versions.allows(constraint, f"{hosted}.999") is not True:  # whatever the patch version hosted that day
        yield Finding(
            f"require.php « {constraint} » n'accepte pas PHP {hosted}, la version hébergée", "composer.json", line
        )
    platform = composer.platform_php
    if not platform:
        said = (
            f"config.platform.php n'est pas fixé à {hosted} : les dépendances peuvent être choisies pour un autre PHP"
        )
        yield Finding(said, "composer.json", composer.lines.get("config", 1))
    elif platform != hosted and not platform.startswith(f"{hosted}."):
        place = composer.lines.get("platform", line)
        yield Finding(f"config.platform.php vaut « {platform} » au lieu de {hosted}", "composer.json", place)
