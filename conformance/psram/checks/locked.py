"""What the rules about dependencies share: the lock they read, findings at its packages, dates as data."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from datetime import date
from typing import Any

from psram.facts import Facts, LockedPackage
from psram.model import Finding, Giver, Outcome, Verdict

LOCK = "composer.lock"


def unreadable(facts: Facts) -> Outcome | None:
    """The outcome of a rule that has no lock to read, ``None`` when there is one; CMP-001 says what is wrong."""
    composer = facts.composer
    if composer.lock_present and not (composer.manifest_problem or composer.lock_problem) and composer.manifest_present:
        return None
    said = "CMP-001 doit d'abord être corrigée : les versions installées ne sont pas connues"
    return Outcome(Verdict.NOT_EVALUATED, missing_evidence=said, giver=Giver.DEVELOPER)


def at_package(package: LockedPackage, message: str, key: str = "") -> Finding:
    """A finding at a locked package; ``key`` keeps its fingerprint when the message's wording or dates change."""
    return Finding(message, LOCK, package.line, excerpt=f"{package.name} {key}" if key else "")


def named(name: str, patterns: Iterable[str], but: Iterable[str] = ()) -> bool:
    """Whether a package's name is among these patterns (``*`` allowed) and not among the excepted ones."""
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in but):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def day(value: Any) -> date | None:
    """A date of a rule's data: YAML's own, or written as text; ``None`` where there is none."""
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))
