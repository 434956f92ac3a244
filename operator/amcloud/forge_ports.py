"""What a pass needs of the forge, a Protocol each: projects and pipelines, conversations, where applications run.

As in ``ports``: every method may raise :class:`~amcloud.errors.UnavailableError`, and calls are idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from amcloud.stages.build import Pipeline
from amcloud.stages.provenance import Origin
from amcloud.stages.report import CommitStatus
from amcloud.stages.to_forge.contests import Issue, Note
from amcloud.stages.to_forge.deployments import Records
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.proofs import ForgeEvidence, PipelineEvidence, QualityReport


@dataclass(frozen=True, slots=True)
class Produced:
    """What a pipeline said of its commit."""

    pipeline: PipelineEvidence
    quality: tuple[QualityReport, ...] = ()
    origin: Origin | None = None
    """What the job that built the image said of it; ``None`` when it said nothing, or something else."""


class Forge(Protocol):
    """GitLab."""

    def pipelines(self, project: str, commit: str) -> tuple[Pipeline, ...]:
        """Pipelines of exactly this commit that run jobs, newest first (GitLab's ``external`` ones are none).

        A pipeline's status here is that of its jobs: commit statuses, ours among them, are left out.
        """

    def start_pipeline(self, project: str, ref: str, commit: str, correlation: str = "") -> None:
        """Ask for a pipeline of ``ref``, which knows ``correlation`` as its variable ``AMCLOUD_CORRELATION``.

        Raises:
            RepositoryRefusedError: the project has no usable ``.gitlab-ci.yml``.
        """

    def project_evidence(self, project: str, commit: str) -> ForgeEvidence:
        """What the forge says of the project and of the commit's CI configuration.

        Raises:
            RepositoryRefusedError: the project does not exist, or the operator may not read its settings.
        """

    def pipeline_evidence(self, project: str, pipeline: Pipeline, commit: str) -> Produced:
        """What the pipeline's jobs reported."""

    def set_status(self, project: str, commit: str, status: CommitStatus, *, ref: str = "") -> bool:
        """Publish a status unless it is already there; whether something was written.

        ``ref`` names a commit that is on no branch of the project: a fork's, or one whose branch is gone.
        """

    def active_projects(self, since: datetime) -> frozenset[str]:
        """Paths of the projects with activity since then, for polling."""

    def merge_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, those that changed last first; bounded."""

    def merge_request_commits(self, project: str, request: MergeRequest) -> tuple[str, ...]:
        """The commits that a merge request brings, newest first; bounded."""


class Discussion(Protocol):
    """What people and the operator write in merge requests, and in the norms' project."""

    def own(self) -> int:
        """Our user's number on the forge."""

    def number(self, project: str) -> int:
        """The project's number, which a renaming does not change."""

    def notes(self, project: str, request: MergeRequest) -> tuple[Note, ...]:
        """Comments of the merge request, oldest first; bounded."""

    def tell(self, project: str, request: MergeRequest, marker: str, body: str) -> bool:
        """Our note that begins with ``marker`` says ``body``, and is the only one; whether something was written."""

    def level(self, project: str, user: int) -> int:
        """Access level of a user on the project, 0 for none; what it was minutes ago at most."""

    def contents(self, project: str, commit: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The content of these files of the commit; without those that are absent or too big to be corrected here."""

    def contested(self, project: str, iid: int) -> Mapping[str, Issue]:
        """The issues of the merge request's contests, by key, with the answers of the norms' team."""

    def contest(self, project: str, title: str, description: str) -> None:
        """An issue of the norms' project about a merge request of ``project``."""


class Deployments(Protocol):
    """Where applications run, as the forge shows it."""

    def record(self, project: str, records: Records) -> bool:
        """The forge shows these deployments, and stopped environments where nothing runs; whether it was asked."""
