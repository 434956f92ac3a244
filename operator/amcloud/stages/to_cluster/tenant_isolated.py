"""What was seen of an instance's isolation, as its condition and as its part of the status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amcloud.stages.conditions import Condition, Status, bounded, rfc3339
from amcloud.stages.reasons import Reason
from amcloud.stages.seen import walk
from amcloud.stages.seen.isolation import Isolation

TYPE = "TenantIsolated"


def condition(seen: Isolation) -> Condition:
    """``TenantIsolated``: true, false, or not known, with the sentence."""
    if seen.isolated is None:
        return Condition(TYPE, Status.UNKNOWN, Reason.ISOLATION_UNPROVEN, seen.sentence())
    if not seen.isolated:
        return Condition(TYPE, Status.FALSE, Reason.TENANT_LEAK, seen.sentence())
    return Condition(TYPE, Status.TRUE, Reason.TENANT_ISOLATED, seen.sentence())


def written(seen: Isolation | None) -> Mapping[str, Any] | None:
    """``status.stages[].isolation``, route by route; ``None`` when this pass did not ask about routes."""
    if seen is None or seen.walk is None:
        return None
    routes = walk.listed(seen.walk)
    reaching = len(seen.walk.closed + seen.walk.uncovered + seen.walk.leaks)
    found = {
        "time": rfc3339(seen.walked_at) if seen.walked_at else None,
        "tables": len(seen.tables),
        "problem": bounded(seen.walk.problem, 300),
        "routes": routes,
        "leftOut": seen.walk.left_out + reaching - len(routes) or None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}
