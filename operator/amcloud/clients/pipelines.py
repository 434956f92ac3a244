"""GitLab's JSON of pipelines and jobs → our values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from amcloud.masking import one_line
from amcloud.stages.build import Pipeline, PipelineStatus

TRACE_END_BYTES: Final = 64 * 1024
_ANNOUNCED: Final = re.compile(rb"^(?:[0-9T:.-]{19,40}Z \d\d[OE][ +])?INDISPONIBLE : ([^\r\n]{1,200})", re.MULTILINE)
"""What ``pipelines/steps/lib.sh`` writes when a service of the platform did not answer a step."""
_FAULTS: Final[Mapping[str, str]] = {
    "runner_system_failure": "panne de l'exécuteur",
    "stuck_or_timeout_failure": "aucun exécuteur ne l'a pris",
    "scheduler_failure": "panne de l'ordonnanceur de la forge",
    "data_integrity_failure": "données abîmées sur la forge",
    "api_failure": "panne de la forge",
    "unknown_failure": "panne inconnue de la forge",
}
"""GitLab's words for failures that no script is to blame for."""
AFTERWARDS: Final = frozenset({"deploy-feedback", "provenance"})
"""Jobs of the template that tell what became of the image; started by hand, at any time."""
_PENDING: Final = frozenset({"created", "waiting_for_resource", "preparing", "pending", "scheduled"})


def pipeline(found: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> Pipeline:
    """A pipeline whose status is that of its jobs; its own counts commit statuses as well, ours among them."""
    return Pipeline(
        id=int(found["id"]),
        status=status_of_jobs(jobs) or word(str(found["status"])),
        created_at=datetime.fromisoformat(found["created_at"]),
        url=str(found.get("web_url") or ""),
        source=str(found.get("source") or "")[:40],
        ended_at=_last(jobs),
    )


def platform_fault(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Why the jobs failed, when GitLab itself says that their script did not make them fail; else ``""``."""
    reasons = {str(job.get("failure_reason") or "") for job in failed(jobs)}
    return next((_FAULTS[reason] for reason in sorted(reasons) if reason in _FAULTS), "") if reasons else ""


def failed(jobs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The jobs for which their pipeline failed."""
    return [job for job in jobs if job.get("status") == "failed" and not job.get("allow_failure")]


def announced_fault(trace: bytes) -> str:
    """Why a step of ours failed, when it says in its last lines that a service did not answer; else ``""``."""
    found = _ANNOUNCED.findall(trace[-TRACE_END_BYTES:])
    service = found[-1].decode("utf-8", "replace") if found else ""
    return f"{one_line(service, chars=80)} ne répondait pas" if service else ""


def _last(jobs: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the last of the jobs ended."""
    ends = (datetime.fromisoformat(str(job["finished_at"])) for job in jobs if job.get("finished_at"))
    return max(ends, default=None)


def status_of_jobs(jobs: Sequence[Mapping[str, Any]]) -> PipelineStatus | None:
    """What the jobs say together; ``None`` when there is none."""
    jobs = [job for job in jobs if not _afterwards(job)]
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


def _afterwards(job: Mapping[str, Any]) -> bool:
    """Whether the job waits for what follows its own pipeline's success: it must not be waited for."""
    return bool(job.get("allow_failure")) and job.get("name") in AFTERWARDS


def _ended_badly(job: Mapping[str, Any]) -> bool:
    return job["status"] in {"failed", "canceled", "manual"}
