"""Stage 4: from the state of the pipelines and of the registry, what to do about the image of a commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from amcloud.stages.verdict import Reason


class PipelineStatus(StrEnum):
    """GitLab's own words, gathered: created, waiting_for_resource, preparing, pending, scheduled are PENDING."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline of the commit in question. ``status`` is that of its jobs; commit statuses do not count."""

    id: int
    status: PipelineStatus
    created_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the registry. ``reference`` is ``name@sha256:…``; ``revision`` is its OCI revision label or ``""``."""

    reference: str
    revision: str


@dataclass(frozen=True, slots=True)
class Start:
    """No pipeline of this commit exists: start one."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A pipeline is under way."""

    pipeline: Pipeline
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No image will come without somebody's action; ``sentence`` says whose."""

    reason: Reason
    sentence: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True)
class GoOn:
    """The image of this very commit, made by a pipeline that succeeded."""

    image: Image
    pipeline: Pipeline


Step = Start | Wait | GiveUp | GoOn


def next_step(
    commit: str, pipelines: tuple[Pipeline, ...], image: Image | None, *, now: datetime, deadline_s: float
) -> Step:
    """What to do about the image of ``commit``. ``pipelines`` are those of this commit, newest first."""
    raise NotImplementedError
