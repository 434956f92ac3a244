"""Which suspension holds, of the organisation's and the DDSI's, and how a stopped service stops. Pure.

The sentence, and whether a suspension is in force, are the gate's (``gate``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from amcloud.errors import InvalidManifestError
from amcloud.stages.declared.app import App, Authority, Service, Suspension
from amcloud.stages.declared.fields import Fields
from amcloud.stages.gate import in_force
from amcloud.stages.manifest import suspension
from amcloud.stages.objects.operations import Key, Object, Operation, Prune, Scale
from amcloud.stages.reasons import Reason

POLL_S = 2.0
UNREADABLE = "Suspension dont la forme n'est pas lisible : elle compte quand même."
_MADE_AGAIN = frozenset({"HorizontalPodAutoscaler", "CronJob"})
"""What would start replicas or commands again; the next pass that hosts makes them as the manifest asks."""


def imposed(found: Object | None) -> Suspension | None:
    """The DDSI's suspension as its ``Suspension`` says it. One that cannot be read still holds."""
    if found is None:
        return None
    try:
        return suspension(Fields.of("spec", found.get("spec")), Authority.DDSI)
    except InvalidManifestError:
        return Suspension(UNREADABLE, by=Authority.DDSI)


def suspended_by(app: App, other: Suspension | None, *, now: datetime) -> App:
    """``app`` with the suspension that holds: the DDSI's is told first, the stricter effect counts."""
    own = app.suspension
    holding = [one for one in (other, own) if one is not None and in_force(one, now)]
    if len(holding) < 2:  # noqa: PLR2004 - one of each at most
        return replace(app, suspension=holding[0] if holding else own or other)
    first, second = holding
    ends = [one.until for one in holding]
    both = replace(
        first,
        reason=f"{first.reason.rstrip(' .')} (et, par l'organisme : {second.reason.rstrip(' .')}).",
        until=None if None in ends else max(end for end in ends if end is not None),
        service=Service.STOP if Service.STOP in {first.service, second.service} else Service.KEEP,
    )
    return replace(app, suspension=both)


def ends_in_s(app: App, *, now: datetime) -> float | None:
    """Seconds until the suspension ends by itself; ``None`` when it does not, or none holds."""
    held = app.suspension
    if held is None or held.until is None or not in_force(held, now):
        return None
    return max(1.0, (held.until - now).total_seconds())


def stopping(live: Mapping[Key, Object]) -> tuple[Operation, ...]:
    """What stops an instance's service and schedules, and nothing else; none when it is stopped already."""
    idle: list[Operation] = [Prune(key) for key in sorted(live) if key.kind in _MADE_AGAIN]
    running = [
        key for key in sorted(live) if key.kind == "Deployment" and live[key].get("spec", {}).get("replicas", 1) != 0
    ]
    return (*idle, *(Scale(key, 0) for key in running))


def replicas(live: Mapping[Key, Object]) -> int:
    """Replicas that still exist."""
    return sum(int((one.get("status") or {}).get("replicas") or 0) for k, one in live.items() if k.kind == "Deployment")


def was_stopped(previous: Mapping[str, Any], stage: str) -> bool:
    """Whether the last status says that a suspension had stopped this stage: what comes back was nobody's change."""
    for before in previous.get("stages") or ():
        if before.get("name") == stage:
            available = [c for c in before.get("conditions") or () if c.get("type") == "Available"]
            return bool(available and available[0].get("reason") == Reason.SUSPENDED)
    return False
