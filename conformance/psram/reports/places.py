"""A report's findings one by one, ready to be written: what is said, where, and under which fingerprint.

Formats that want a place for everything get one: what concerns the whole project is anchored on its first file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from psram.fingerprints import bounded, fingerprinted
from psram.model import Finding, RuleResult, printable

ANCHOR: Final = "composer.json"
"""Where a finding of the whole project is shown: tools drop what has no place, and all if that is more than half."""


class Place(NamedTuple):
    """One finding of a result. ``path`` is as git has it; ``line`` is at least 1; ``own`` is false for the anchor."""

    result: RuleResult
    message: str
    path: str
    line: int
    fingerprint: str
    own: bool


def places(result: RuleResult) -> Iterator[Place]:
    """Every finding of the result; one for the whole project where it has none."""
    for finding in result.findings or fingerprinted(result.rule_id, (Finding(""),)):
        own = bool(finding.path)
        message = said(finding.message) or said(result.missing_evidence or result.reason) or result.title
        yield Place(result, message, finding.path or ANCHOR, max(1, finding.line), finding.fingerprint, own)


def said(text: str) -> str:
    """``text`` on one line, bounded, with every control character shown: it comes from a repository."""
    return printable(bounded(text))


def where(path: str, line: int) -> str:
    """``path:line`` on one line for people, the path alone for a whole file."""
    shown = printable(path)
    return f"{shown}:{line}" if line else shown


def unlisted(result: RuleResult) -> int:
    """How many findings the report counts and does not list."""
    return max(0, result.findings_total - len(result.findings))
