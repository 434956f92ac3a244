"""What the server is told at start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VERSION, REVISION = "17.11.0", "a1b2c3d4e5f"
ACTIVITY_INTERVAL_S = 3600.0  # GitLab moves a project's last_activity_at at most once an hour


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses and bounds of one forge.

    ``url``: where clients reach it, as written in every answer. ``activity_interval_s``: how long a push leaves
    ``last_activity_at`` alone after the last change (GitLab: one hour).
    """

    data: Path
    url: str
    root_token: str
    runner_token: str
    activity_interval_s: float = ACTIVITY_INTERVAL_S
    hook_timeout_s: float = 10.0
    hook_backoff_s: float = 60.0

    @property
    def repositories(self) -> Path:
        """Bare repositories, one a project: ``<project id>.git``, so that a rename moves nothing."""
        return self.data / "repositories"

    @property
    def artifacts(self) -> Path:
        """Traces and artifacts of jobs, one folder a job."""
        return self.data / "jobs"

    def repository(self, project_id: int) -> Path:
        """The bare repository of a project."""
        return self.repositories / f"{project_id}.git"
