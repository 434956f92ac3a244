"""GitLab through python-gitlab (:class:`amcloud.ports.Forge`). No retry here: a pass that waits comes again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import gitlab
import requests
from gitlab.v4.objects import Project, ProjectPipeline

from amcloud.clients import forge_facts, pipelines, produced
from amcloud.errors import BrokenInstallationError, ForgeUnavailableError, RepositoryRefusedError
from amcloud.masking import one_line
from amcloud.ports import Produced
from amcloud.stages.build import Pipeline
from amcloud.stages.report import CommitStatus
from psram.proofs import ForgeEvidence

TIMEOUT_S: Final = 20.0
ANSWER_MAX_BYTES: Final = 16 * 1024 * 1024
REPORT_MAX_BYTES: Final = 16 * 1024 * 1024
PIPELINES_MAX: Final = 20
PROJECTS_MAX: Final = 5000
IDENTIFIER_S: Final = 600.0
PROJECT_S: Final = 120.0
"""Seconds during which what the forge says of a project and commit is believed without asking again."""
PROJECTS_REMEMBERED: Final = 2000
RULES_MAX: Final = 100
ACTIVITY_LAG: Final = timedelta(minutes=65)
"""GitLab moves a project's ``last_activity_at`` at most once an hour."""
_ONCE: Final[dict[str, Any]] = {"obey_rate_limit": False, "retry_transient_errors": False, "max_retries": 0}
_UNREADABLE: Final = (gitlab.GitlabParsingError, KeyError, TypeError, ValueError, AttributeError)


class GitlabForge:
    """Adapter of one GitLab, with the operator's own token."""

    def __init__(self, url: str, token: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 3
        session.hooks["response"].append(_checked)
        self._gitlab = gitlab.Gitlab(
            url,
            private_token=token,
            timeout=TIMEOUT_S,
            session=session,
            retry_transient_errors=False,
            keep_base_url=True,
        )
        self._clock = clock
        self._identifiers: dict[str, tuple[int, float]] = {}
        self._known: dict[tuple[str, str], tuple[ForgeEvidence, float]] = {}

    def pipelines(self, project: str, commit: str) -> tuple[Pipeline, ...]:
        """Pipelines of exactly this commit that run jobs, newest first (GitLab's ``external`` ones are none)."""
        with self._asking(f"lecture des pipelines de {project}", project):
            owner = self._project(project)
            listed = owner.pipelines.list(
                sha=commit, order_by="id", sort="desc", per_page=PIPELINES_MAX, get_all=False, **_ONCE
            )
            found = [p for p in listed if p.attributes.get("source") != "external" and p.attributes["sha"] == commit]
            return tuple(pipelines.pipeline(p.attributes, _jobs(p)) for p in found)

    def start_pipeline(self, project: str, ref: str, commit: str) -> None:
        """Ask for a pipeline of ``ref``, whose newest commit should be ``commit``.

        Raises:
            RepositoryRefusedError: the project has no usable ``.gitlab-ci.yml``.
        """
        del commit  # GitLab starts a ref, not a commit; the next look at the pipelines tells which one it was
        doing = f"demande d'un pipeline pour {project} ({ref})"
        with self._asking(doing, project):
            try:
                self._project(project).pipelines.create({"ref": ref}, **_ONCE)
            except gitlab.GitlabCreateError as error:
                if error.response_code not in (requests.codes.bad_request, requests.codes.unprocessable):
                    raise
                raise RepositoryRefusedError(
                    f"La forge refuse de lancer un pipeline pour {project} ({ref}) : {_said(error)}. "
                    "Vérifiez .gitlab-ci.yml."
                ) from error

    def project_evidence(self, project: str, commit: str) -> ForgeEvidence:
        """What the forge says of the project and of the commit's CI configuration; asked at most every two minutes."""
        known = self._known.get((project, commit))
        if known is not None and self._clock() - known[1] <= PROJECT_S:
            return known[0]
        with self._asking(f"lecture des réglages de {project}", project):
            owner = self._gitlab.projects.get(project, **_ONCE)
            branches = [rule.attributes for rule in _some(owner.protectedbranches)]
            tags = [rule.attributes for rule in _some(owner.protectedtags)]
            lint = owner.ci_lint.get(content_ref=commit, include_jobs=True, **_ONCE).attributes
            found = forge_facts.project(owner.attributes, branches, tags, lint)
        while len(self._known) >= PROJECTS_REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[project, commit] = (found, self._clock())
        return found

    def pipeline_evidence(self, project: str, pipeline: Pipeline, commit: str) -> Produced:
        """What the pipeline's jobs reported; a report that is missing or unreadable says so."""
        with self._asking(f"lecture des rapports de {project} (pipeline {pipeline.id})", project):
            owner = self._project(project)
            jobs = _jobs(owner.pipelines.get(pipeline.id, lazy=True))
            return produced.read(pipeline, commit, jobs, lambda job, name: _artifact(owner, job, name))

    def set_status(self, project: str, commit: str, status: CommitStatus) -> bool:
        """Publish a status unless it is already there; whether something was written."""
        with self._asking(f"publication du statut {status.name} sur {project}", project):
            statuses = self._project(project).commits.get(commit, lazy=True).statuses
            known = statuses.list(name=status.name, iterator=True, per_page=100, **_ONCE)
            # newest first or not, an older version of GitLab may send all of them: the highest id is the last one
            last = max(
                (s.attributes for s in known if s.attributes.get("name") == status.name),
                key=lambda s: int(s["id"]),
                default=None,
            )
            if last is not None and _same(last, status):
                return False
            body = {"state": status.state.value, "name": status.name, "description": status.description}
            if status.target_url:
                body["target_url"] = status.target_url
            try:
                statuses.create(body, **_ONCE)
            except gitlab.GitlabCreateError as error:
                if _is_no_operation(error):
                    return False
                raise
            return True

    def active_projects(self, since: datetime) -> frozenset[str]:
        """Paths of the projects with activity since then, for polling; a little more than asked, never less."""
        with self._asking("recherche des projets actifs de la forge", None):
            listed = self._gitlab.projects.list(
                last_activity_after=(since - ACTIVITY_LAG).isoformat(),
                order_by="id",
                sort="asc",
                pagination="keyset",
                per_page=100,
                simple=True,
                iterator=True,
                **_ONCE,
            )
            found = set()
            for one in listed:
                found.add(str(one.attributes["path_with_namespace"]))
                if len(found) >= PROJECTS_MAX:
                    break
            return frozenset(found)

    def _project(self, project: str) -> Project:
        """The project by its number: a renamed one still answers, and writing to an old path does not."""
        known = self._identifiers.get(project)
        if known is None or self._clock() - known[1] > IDENTIFIER_S:
            found = self._gitlab.projects.get(project, **_ONCE)
            known = self._identifiers[project] = (int(found.attributes["id"]), self._clock())
        return self._gitlab.projects.get(known[0], lazy=True)

    @contextmanager
    def _asking(self, doing: str, project: str | None) -> Iterator[None]:
        try:
            yield
        except ForgeUnavailableError as error:
            raise ForgeUnavailableError(f"{doing} : {error}", retry_after_s=error.retry_after_s) from error
        except gitlab.GitlabAuthenticationError as error:
            raise BrokenInstallationError(f"{doing} : la forge refuse le jeton de l'opérateur") from error
        except gitlab.GitlabError as error:
            if isinstance(error, gitlab.GitlabParsingError):
                raise ForgeUnavailableError(f"{doing} : la forge a répondu autre chose que du JSON") from error
            if project:
                self._identifiers.pop(project, None)  # deleted, renamed or made anew: asked again next time
            _raise_for(error, doing, project)
        except requests.RequestException as error:
            raise ForgeUnavailableError(f"{doing} : la forge ne répond pas ({type(error).__name__})") from error
        except _UNREADABLE as error:
            raise ForgeUnavailableError(f"{doing} : réponse incomprise de la forge ({type(error).__name__})") from error


def _checked(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    """Called for each answer before python-gitlab reads it: what only time mends keeps the forge's own delay."""
    status, length = response.status_code, response.headers.get("Content-Length", "")
    if status == requests.codes.too_many_requests or status >= requests.codes.internal_server_error:
        after = response.headers.get("Retry-After", "")
        raise ForgeUnavailableError(
            f"la forge répond HTTP {status}",
            retry_after_s=float(after) if after.isdigit() and len(after) < 6 else None,  # noqa: PLR2004 - within a day
        )
    if length.isdigit() and int(length) > ANSWER_MAX_BYTES:
        raise ForgeUnavailableError(f"la réponse de la forge dépasse {ANSWER_MAX_BYTES} octets")
    return response


def _raise_for(error: gitlab.GitlabError, doing: str, project: str | None) -> NoReturn:
    if isinstance(error, gitlab.GitlabHttpError | gitlab.GitlabOperationError):
        code = error.response_code
        if code in (requests.codes.forbidden, requests.codes.not_found, requests.codes.method_not_allowed) and project:
            raise RepositoryRefusedError(
                f"{doing} : le projet {project} n'existe pas, a changé de chemin, ou l'opérateur n'y a pas accès "
                "(rôle Developer au moins) sur la forge."
            ) from error
        if code in (requests.codes.bad_request, requests.codes.unprocessable, requests.codes.forbidden):
            raise BrokenInstallationError(f"{doing} : la forge refuse la demande ({_said(error)})") from error
    if isinstance(error, gitlab.exceptions.RedirectError):
        raise RepositoryRefusedError(f"{doing} : le projet a changé de chemin sur la forge.") from error
    raise ForgeUnavailableError(f"{doing} : {_said(error)}") from error


def _said(error: gitlab.GitlabError) -> str:
    return one_line(str(error.error_message or error), chars=300)


def _is_no_operation(error: gitlab.GitlabCreateError) -> bool:
    """Whether GitLab refuses because there is nothing to change: the same state again, or too many statuses."""
    if error.response_code == requests.codes.unprocessable:
        return True
    return error.response_code == requests.codes.bad_request and "Cannot transition" in str(error.error_message)


def _same(known: dict[str, Any], status: CommitStatus) -> bool:
    return (
        known.get("status") == status.state.value
        and (known.get("description") or "") == status.description
        and (known.get("target_url") or None) == status.target_url
    )


def _jobs(pipeline: ProjectPipeline) -> list[dict[str, Any]]:
    return [dict(job.attributes) for job in pipeline.jobs.list(iterator=True, per_page=100, **_ONCE)]


def _some(rules: Any) -> Any:
    return rules.list(iterator=False, get_all=False, per_page=RULES_MAX, **_ONCE)


def _artifact(project: Project, job_id: int, name: str) -> bytes | None:
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
        project.jobs.get(job_id, lazy=True).artifact(name, streamed=True, action=take, chunk_size=65536, **_ONCE)
    except gitlab.GitlabGetError as error:
        if error.response_code == requests.codes.not_found:
            return None
        raise
    return b"".join(chunks)
