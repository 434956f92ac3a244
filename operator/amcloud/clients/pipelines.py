"""GitLab's JSON of pipelines and jobs → our values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from amcloud.stages.build import Pipeline, PipelineStatus

_PENDING: Final = frozenset({"created", "waiting_for_resource", "preparing", "pending", "scheduled"})


def pipeline(found: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> Pipeline:
    """A pipeline whose status is that of its jobs; its own counts commit statuses as well, ours among them."""
    return Pipeline(
        id=int(found["id"]),
        status=status_of_jobs(jobs) or word(str(found["status"])),
        created_at=datetime.fromisoformat(found["created_at"]),
        url=str(found.get("web_url") or ""),
        source=str(found.get("source") or "")[:40],
    )


def status_of_jobs(jobs: Sequence[Mapping[str, Any]]) -> PipelineStatus | None:
    """What the jobs say together; ``None`` when there is none."""
    counting = [word(str(job["status"])) for job in jobs if not (job.get("allow_failure") and _ended_badly(job))]
    if not counting:
        return PipelineStatus.SUCCESS if jobs else None
    for decisive in (PipelineStatus.RUNNING, PipelineStatus.FAILED, PipelineStatus.CANCELED):
        if decisive in counting:
            return decisive
    if PipelineStatus.PENDING in counting:
        return PipelineStatus.RUNNING if PipelineStatus.SUCCESS in counting else PipelineStatus.PENDING
    for rest in (PipelineStatus.MANUAL, PipelineStatus.SUCCESS):
        if rest in counting:
            return rest
    return PipelineStatus.SKIPPED


def word(status: str) -> PipelineStatus:
    """GitLab's word for a state; one that we do not know is a state that has not ended."""
    if status in _PENDING:
        return PipelineStatus.PENDING
    try:
        return PipelineStatus(status)
    except ValueError:
        return PipelineStatus.RUNNING


def _ended_badly(job: Mapping[str, Any]) -> bool:
    return job["status"] in {"failed", "canceled", "manual"}
