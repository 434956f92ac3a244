"""Conditions as Kubernetes keeps them: a list by type; a transition time moves only when a status flips (kstatus)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from amcloud.stages.reasons import Reason

MESSAGE_LONGEST = 1024


class Status(StrEnum):
    """``metav1.ConditionStatus``."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without its times."""

    type: str
    status: Status
    reason: Reason
    message: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event on the LocalApp."""

    type: str
    """``Normal`` or ``Warning``."""
    reason: str
    message: str
    correlation: str = ""
    """Name of what brought the commit that it speaks of."""


def bounded(text: str, longest: int = MESSAGE_LONGEST) -> str:
    """``text`` in at most ``longest`` characters, cut with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def rfc3339(moment: datetime) -> str:
    """A time as Kubernetes writes it, in seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(
    wanted: Iterable[Condition], previous: Sequence[Mapping[str, Any]], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """``wanted`` as they stand in a status; those whose status is the same keep their transition time."""
    known = {str(condition.get("type")): condition for condition in previous if isinstance(condition, Mapping)}
    return [_written(condition, known.get(condition.type), generation, now) for condition in wanted]


def kept(previous: Sequence[Mapping[str, Any]], types: Iterable[str]) -> tuple[Condition, ...]:
    """The previous conditions of these types, as values; malformed ones are left out."""
    wanted, found = set(types), []
    for condition in previous:
        try:
            if condition["type"] in wanted:
                found.append(
                    Condition(
                        str(condition["type"]),
                        Status(condition["status"]),
                        Reason(condition["reason"]),
                        str(condition.get("message", "")),
                    )
                )
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def status_of(conditions: Sequence[Mapping[str, Any]], type_: str) -> str | None:
    """Status of a condition in a written list, or ``None``."""
    return next((str(c.get("status")) for c in conditions if isinstance(c, Mapping) and c.get("type") == type_), None)


def _written(condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime) -> dict[str, Any]:
    same = before is not None and before.get("status") == condition.status and before.get("lastTransitionTime")
    return {
        "type": condition.type,
        "status": str(condition.status),
        "reason": str(condition.reason),
        # never empty: some API servers (1.20 built with a recent Go) refuse empty texts in custom resources
        "message": bounded(condition.message) or str(condition.reason),
        "lastTransitionTime": before["lastTransitionTime"] if same and before is not None else rfc3339(now),
        "observedGeneration": generation,
    }
