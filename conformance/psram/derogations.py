"""Derogations: an auditor's decisions that settle a rule's violation until a date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from psram.model import Derogation, Finding, Verdict


def covering(
    rule_id: str, verdict: Verdict, findings: Iterable[Finding], derogations: Iterable[Derogation], day: date
) -> tuple[Derogation, ...]:
    """The derogations in force that together cover every finding of the rule; empty when one is left uncovered.

    One without path nor fingerprint covers the whole rule and is enough; narrowed ones add up. Findings carry their
    fingerprints.
    """
    if verdict not in (Verdict.VIOLATED, Verdict.UNKNOWN):
        return ()
    own = sorted((d for d in derogations if d.rule_id == rule_id and d.in_force(day)), key=lambda d: d.name)
    whole = next((d for d in own if not d.narrowed), None)
    if whole is not None:
        return (whole,)
    used: dict[str, Derogation] = {}
    left = False
    for finding in findings:
        covers = next((d for d in own if _covers(d, finding)), None)
        if covers is None:
            left = True
            break
        used[covers.name] = covers
    return () if left else tuple(used[name] for name in sorted(used))


def _covers(derogation: Derogation, finding: Finding) -> bool:
    """Whether it names the finding's path (a folder ends in ``/``) or its fingerprint."""
    return finding.fingerprint in derogation.fingerprints or any(
        finding.path == path or (path.endswith("/") and finding.path.startswith(path)) for path in derogation.paths
    )
