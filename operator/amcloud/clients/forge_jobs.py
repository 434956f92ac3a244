"""The jobs of a pipeline on GitLab: what they are, left, and how they ended. Called within ``ForgeCalls.asking``."""

from __future__ import annotations

from typing import Any, Final

import gitlab
import requests
from gitlab.v4.objects import Project, ProjectPipeline

from amcloud.clients import pipelines
from amcloud.clients.forge_calls import ONCE
from amcloud.errors import RepositoryRefusedError

REPORT_MAX_BYTES: Final = 16 * 1024 * 1024


def of(pipeline: ProjectPipeline) -> list[dict[str, Any]]:
    """Every job of a pipeline, as the forge tells it."""
    return [dict(job.attributes) for job in pipeline.jobs.list(iterator=True, per_page=100, **ONCE)]


def skipped(owner: Project, pipeline_id: int) -> bool:
    """Whether a pipeline without jobs was skipped; its own state tells no more once statuses of ours have joined it."""
    found: Any = owner.pipelines.get(pipeline_id, **ONCE)
    return not found.attributes.get("yaml_errors") and not found.bridges.list(per_page=1, get_all=False, **ONCE)


def artifact(project: Project, job_id: int, name: str) -> bytes | None:
    """A file of a job's artifacts; ``None`` when it has none.

    Raises:
        RepositoryRefusedError: it is too big.
    """
    chunks: list[bytes] = []
    size = 0

    def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        if size > REPORT_MAX_BYTES:
            raise RepositoryRefusedError(f"{name} dépasse {REPORT_MAX_BYTES // 1024 // 1024} Mio.")
        chunks.append(chunk)

    try:
        project.jobs.get(job_id, lazy=True).artifact(name, streamed=True, action=take, chunk_size=65536, **ONCE)
    except gitlab.GitlabGetError as error:
        if error.response_code == requests.codes.not_found:
            return None
        raise
    return b"".join(chunks)


def end_of_trace(project: Project, job_id: int) -> bytes:
    """The last lines of a job's journal; a very long one is read in part, and then has no end."""
    kept = bytearray()
    size = 0

    def take(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        kept.extend(chunk)
        del kept[: -pipelines.TRACE_END_BYTES]
        if size > REPORT_MAX_BYTES:
            raise _TooLongError

    try:
        project.jobs.get(job_id, lazy=True).trace(streamed=True, action=take, chunk_size=65536, **ONCE)
    except _TooLongError:
        return b""
    except gitlab.GitlabError as error:
        if getattr(error, "response_code", None) in (requests.codes.forbidden, requests.codes.not_found):
            return b""
        raise
    return bytes(kept)


class _TooLongError(Exception):
    """Enough was read."""
