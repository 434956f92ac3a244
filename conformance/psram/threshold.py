"""How many majeure rules a track tolerates: beyond it, those that are broken block as well."""

from __future__ import annotations

import msgspec

from psram.model import RuleResult, Severity, Track, Verdict
from psram.rules import Pack


def tolerated(pack: Pack, track: Track) -> int | None:
    """How many broken majeure rules the track tolerates; ``None`` without limit. Hors standard reads homologation's."""
    asked = Track.HOMOLOGATION if track is Track.HORS_STANDARD else track
    return pack.major_threshold.get(asked)


def beyond(pack: Pack, track: Track, results: list[RuleResult]) -> list[RuleResult]:
    """The results, broken majeure rules blocking where there are more of them than tolerated."""
    allowed = tolerated(pack, track)
    broken = [r for r in results if r.severity is Severity.MAJOR and r.verdict is Verdict.VIOLATED and not r.early]
    if allowed is None or len(broken) <= allowed:
        return results
    said = f"{len(broken)} règles majeures non respectées, {allowed} tolérées"
    ids = {r.rule_id for r in broken}
    return [msgspec.structs.replace(r, blocks=True, reason=said) if r.rule_id in ids else r for r in results]
