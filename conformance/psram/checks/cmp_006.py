"""CMP-006: what is installed are releases, not branches nor previews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psram.checks import Params
from psram.checks.common import outcome
from psram.checks.locked import at_package, unreadable
from psram.facts import ComposerFacts, Facts
from psram.model import Context, Finding, Outcome

_BRANCH: Final = re.compile(r"dev-.+|.+-dev", re.IGNORECASE)
_PREVIEW: Final = re.compile(r".*\d[.-]?(?:alpha|beta|a|b|rc)[.-]?\d*(?:\+.*)?", re.IGNORECASE)
_FLAG: Final = re.compile(r"@(?:dev|alpha|beta|rc)\b|(?:^|[\s,|])dev-\S|\d(?:\.x)?-dev\b|\sas\s", re.IGNORECASE)


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a branch anywhere, a preview among hosted packages, or a composer.json that asks for them."""
    missing = unreadable(facts)
    return missing or outcome([*_asked(facts.composer), *_locked(facts.composer)])


def _asked(composer: ComposerFacts) -> Iterator[Finding]:
    stability = composer.minimum_stability.lower()
    if stability not in ("", "stable"):
        line = composer.lines.get("minimum-stability", 1)
        said = f"minimum-stability vaut « {stability} » : seules les versions stables sont admises"
        yield Finding(said, "composer.json", line)
    for required in (*composer.require, *composer.require_dev):
        if _FLAG.search(required.constraint):
            line = composer.lines.get(required.name, composer.lines.get("require", 1))
            said = f"{required.name} « {required.constraint} » demande une branche ou une préversion"
            yield Finding(said, "composer.json", line, excerpt=required.name)


def _locked(composer: ComposerFacts) -> Iterator[Finding]:
    for package in composer.packages:
        if _BRANCH.fullmatch(package.version):
            said = f"{package.name} est pris sur une branche ({package.version}), qui change sans prévenir"
            yield at_package(package, said, "branche")
        elif not package.dev and _PREVIEW.fullmatch(package.version):
            yield at_package(package, f"{package.name} {package.version} est une préversion", "préversion")
