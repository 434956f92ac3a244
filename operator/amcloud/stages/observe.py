"""Stage 7: from live objects, whether migration and rollout are done, under way, or failed and why (kstatus)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from amcloud.stages.apply import Key, Wave
from amcloud.stages.render import Object
from amcloud.stages.verdict import Reason


class Progress(StrEnum):
    """Where a wave stands."""

    DONE = "done"
    UNDER_WAY = "under way"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Observation:
    """State of one wave. ``serving`` tells whether any pod of the instance answers, of whatever revision."""

    progress: Progress
    reason: Reason
    sentence: str
    serving: bool = False
    retry_after_s: float = 2.0


def observe(
    wave: Wave,
    desired: tuple[Object, ...],
    live: Mapping[Key, Object],
    pods: tuple[Object, ...],
    *,
    now: datetime,
    deadline_s: float,
) -> Observation:
    """State of ``wave``. ``pods`` are those of the instance, used to say why something does not start."""
    raise NotImplementedError
