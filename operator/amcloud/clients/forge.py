"""GitLab through python-gitlab (:class:`amcloud.ports.Forge`). No retry here: a pass that waits comes again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import gitlab
import requests
from gitlab.v4.objects import Project

from amcloud.clients import forge_facts, forge_jobs, pipelines, produced
from amcloud.clients.budget import Budget
from amcloud.clients.forge_calls import ONCE, ForgeCalls, said
from amcloud.clients.memory import Memory
from amcloud.errors import RepositoryRefusedError, StatusRefusedError
from amcloud.forge_ports import Produced
from amcloud.stages.build import Pipeline, PipelineStatus
from amcloud.stages.report import CommitState, CommitStatus
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.proofs import ForgeEvidence

PIPELINES_MAX: Final = 20
PROJECTS_MAX: Final = 5000
PROJECT_S: Final = 120.0
"""Seconds during which what the forge says of a project and commit is believed without asking again."""
PRODUCED_S: Final = 3600.0
"""The same of what a pipeline that ended has left; one whose jobs ran again ended at another time."""
SUCCEEDED_S: Final = 60.0
PUBLISHED_S: Final = 600.0
"""The same of a status that was seen there: one that somebody forged in our name is put right within that time."""
REFUSED_S: Final = 3600.0
COMMITS_S: Final = 3600.0
FAULTS_S: Final = 86400.0
FAILED_JOBS_READ: Final = 3
CORRELATION_VARIABLE: Final = "AMCLOUD_CORRELATION"
RULES_MAX: Final = 100
MERGE_REQUESTS_MAX: Final = 50
COMMITS_MAX: Final = 100
ACTIVITY_LAG: Final = timedelta(minutes=65)
"""GitLab moves a project's ``last_activity_at`` at most once an hour."""


class GitlabForge:
    """Adapter of one GitLab, with the operator's own token."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        budget: Budget | None = None,
        token_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls = ForgeCalls(url, token, budget=budget, token_file=token_file, clock=clock)
        self._clock = clock
        self._known: Memory[tuple[str, str], ForgeEvidence] = Memory(PROJECT_S, clock=clock)
        self._produced: Memory[tuple[str, Pipeline, str], Produced] = Memory(PRODUCED_S, most=500, clock=clock)
        self._published: Memory[tuple[str, str, str], CommitStatus] = Memory(PUBLISHED_S, clock=clock)
        self._refused: Memory[tuple[str, str, str, CommitStatus], str] = Memory(REFUSED_S, clock=clock)
        self._succeeded: Memory[tuple[str, str], tuple[Pipeline, ...]] = Memory(SUCCEEDED_S, clock=clock)
        self._faults: Memory[tuple[int, datetime | None], str] = Memory(FAULTS_S, clock=clock)
        self._commits: Memory[tuple[str, int, str], tuple[str, ...]] = Memory(COMMITS_S, clock=clock)

    def pipelines(self, project: str, commit: str) -> tuple[Pipeline, ...]:
        """Pipelines of exactly this commit that run jobs, newest first (GitLab's ``external`` ones are none).

        Those of a commit that had a success are believed for a minute: nothing that follows takes it back.
        """
        if (known := self._succeeded.get((project, commit))) is not None:
            return known
        with self.calls.asking(f"lecture des pipelines de {project}", project):
            owner = self.calls.project(project)
            listed = owner.pipelines.list(
                sha=commit, order_by="id", sort="desc", per_page=PIPELINES_MAX, get_all=False, **ONCE
            )
            found = [p for p in listed if p.attributes.get("source") != "external" and p.attributes["sha"] == commit]
            jobs = [forge_jobs.of(p) for p in found]
            read = [pipelines.pipeline(p.attributes, its) for p, its in zip(found, jobs, strict=True)]
            told = tuple(self._explained(owner, one, its) for one, its in zip(read, jobs, strict=True))
        if any(one.status is PipelineStatus.SUCCESS for one in told):
            self._succeeded.put((project, commit), told)
        return told

    def _explained(self, owner: Project, pipeline: Pipeline, jobs: list[dict[str, Any]]) -> Pipeline:
        """``pipeline`` with why it failed, if the platform is to blame; asked once of each."""
        if pipeline.status is not PipelineStatus.FAILED:
            return pipeline
        if not jobs:
            skipped = forge_jobs.skipped(owner, pipeline.id)
            return replace(pipeline, status=PipelineStatus.SKIPPED) if skipped else pipeline
        fault = pipelines.platform_fault(jobs)
        if not fault and (known := self._faults.get((pipeline.id, pipeline.ended_at))) is not None:
            fault = known
        elif not fault:
            to_blame = pipelines.failed(jobs)[:FAILED_JOBS_READ]
            traces = (forge_jobs.end_of_trace(owner, int(job["id"])) for job in to_blame)
            fault = next(filter(None, map(pipelines.announced_fault, traces)), "")
            self._faults.put((pipeline.id, pipeline.ended_at), fault)
        return replace(pipeline, fault=fault)

    def start_pipeline(self, project: str, ref: str, commit: str, correlation: str = "") -> None:
        """Ask for a pipeline of ``ref``, whose newest commit should be ``commit``; it knows ``correlation``.

        Raises:
            RepositoryRefusedError: the project has no usable ``.gitlab-ci.yml``.
        """
        del commit  # GitLab starts a ref, not a commit; the next look at the pipelines tells which one it was
        doing = f"demande d'un pipeline pour {project} ({ref})"
        with self.calls.asking(doing, project):
            try:
                self._start(self.calls.project(project), ref, correlation)
            except gitlab.GitlabCreateError as error:
                if error.response_code not in (requests.codes.bad_request, requests.codes.unprocessable):
                    raise
                todo = (
                    "Donnez au compte de l'opérateur le droit de fusionner sur cette branche, ou le rôle Maintainer."
                    if "sufficient permission" in said(error)
                    else "Vérifiez .gitlab-ci.yml."
                )
                words = f"La forge refuse de lancer un pipeline pour {project} ({ref}) : {said(error)}. {todo}"
                raise RepositoryRefusedError(words) from error

    def project_evidence(self, project: str, commit: str) -> ForgeEvidence:
        """What the forge says of the project and of the commit's CI configuration; asked at most every two minutes."""
        if (known := self._known.get((project, commit))) is not None:
            return known
        with self.calls.asking(f"lecture des réglages de {project}", project):
            owner = self.calls.gitlab.projects.get(project, **ONCE)
            branches = [rule.attributes for rule in _some(owner.protectedbranches)]
            tags = [rule.attributes for rule in _some(owner.protectedtags)]
            lint = owner.ci_lint.get(content_ref=commit, include_jobs=True, **ONCE).attributes
            found = forge_facts.project(owner.attributes, branches, tags, lint)
        return self._known.put((project, commit), found)

    def pipeline_evidence(self, project: str, pipeline: Pipeline, commit: str) -> Produced:
        """What the pipeline's jobs reported; a report that is missing or unreadable says so."""
        if (known := self._produced.get((project, pipeline, commit))) is not None:
            return known
        with self.calls.asking(f"lecture des rapports de {project} (pipeline {pipeline.id})", project):
            owner = self.calls.project(project)
            jobs = forge_jobs.of(owner.pipelines.get(pipeline.id, lazy=True))
            found = produced.read(pipeline, commit, jobs, lambda job, name: forge_jobs.artifact(owner, job, name))
        return self._produced.put((project, pipeline, commit), found)

    def set_status(self, project: str, commit: str, status: CommitStatus, *, ref: str = "") -> bool:
        """Publish a status unless it is already there; whether something was written.

        ``ref`` names a commit that is on no branch of the project: a fork's, or one whose branch is gone.

        Raises:
            StatusRefusedError: the forge refuses it, now or a moment ago: it is not asked again for an hour.
        """
        place = (project, commit, status.name)
        if self._published.get(place) == status:
            return False
        if (words := self._refused.get((*place, status))) is not None:
            raise StatusRefusedError(words)
        with self.calls.asking(f"publication du statut {status.name} sur {project}", project):
            written = self._write(project, commit, status, ref)
        self._published.put(place, status)
        return written

    def _write(self, project: str, commit: str, status: CommitStatus, ref: str) -> bool:
        statuses = self.calls.project(project).commits.get(commit, lazy=True).statuses
        known = statuses.list(name=status.name, iterator=True, per_page=100, **ONCE)
        # newest first or not, an older version of GitLab may send all of them: the highest id is the last one
        mine = (s.attributes for s in known if s.attributes.get("name") == status.name)
        last = max(mine, key=lambda s: int(s["id"]), default=None)
        if last is not None and (_same(last, status) or _no_way(last, status)):
            return False
        body = {"state": status.state.value, "name": status.name, "description": status.description}
        if status.target_url:
            body["target_url"] = status.target_url
        try:
            _created(statuses, body, ref)
        except gitlab.GitlabCreateError as error:
            if error.response_code == requests.codes.bad_request and "Cannot transition" in str(error.error_message):
                return False  # somebody was quicker
            refused = error.response_code in (requests.codes.bad_request, requests.codes.unprocessable)
            if not refused and not _on_no_branch(error):
                raise
            words = f"La forge refuse le statut {status.name} du commit {commit[:8]} : {said(error)}"
            raise StatusRefusedError(self._refused.put((project, commit, status.name, status), words)) from error
        return True

    def active_projects(self, since: datetime) -> frozenset[str]:
        """Paths of the projects with activity since then, for polling; a little more than asked, never less."""
        with self.calls.asking("recherche des projets actifs de la forge", None):
            listed = self.calls.gitlab.projects.list(
                last_activity_after=(since - ACTIVITY_LAG).isoformat(),
                order_by="id",
                sort="asc",
                pagination="keyset",
                per_page=100,
                simple=True,
                iterator=True,
                **ONCE,
            )
            found = set()
            for one in listed:
                found.add(str(one.attributes["path_with_namespace"]))
                if len(found) >= PROJECTS_MAX:
                    break
            return frozenset(found)

    def merge_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, those that changed last first; at most fifty, without those that hold no commit."""
        with self.calls.asking(f"lecture des demandes de fusion de {project}", project):
            listed = self.calls.project(project).mergerequests.list(
                state="opened", order_by="updated_at", sort="desc", per_page=MERGE_REQUESTS_MAX, get_all=False, **ONCE
            )
            return tuple(_merge_request(one.attributes) for one in listed if one.attributes.get("sha"))

    def merge_request_commits(self, project: str, request: MergeRequest) -> tuple[str, ...]:
        """The commits that a merge request brings, newest first; the hundred newest at most."""
        asked = (project, request.iid, request.commit)
        if (known := self._commits.get(asked)) is not None:
            return known
        with self.calls.asking(f"lecture des commits de {project}!{request.iid}", project):
            found: Any = self.calls.project(project).mergerequests.get(request.iid, lazy=True)
            listed = found.commits(per_page=COMMITS_MAX, get_all=False, **ONCE)
            return self._commits.put(asked, tuple(str(one.attributes["id"]) for one in listed)[:COMMITS_MAX])

    @staticmethod
    def _start(owner: Project, ref: str, correlation: str) -> None:
        variables = [{"key": CORRELATION_VARIABLE, "value": correlation}] if correlation else []
        try:
            owner.pipelines.create({"ref": ref, "variables": variables} if variables else {"ref": ref}, **ONCE)
        except gitlab.GitlabCreateError as error:
            # a project may forbid everybody to set variables: the pipeline matters more
            if not variables or "variable" not in str(error.error_message).lower():
                raise
            owner.pipelines.create({"ref": ref}, **ONCE)


def _merge_request(found: dict[str, Any]) -> MergeRequest:
    return MergeRequest(
        iid=int(found["iid"]),
        source_branch=str(found["source_branch"]),
        target_branch=str(found["target_branch"]),
        commit=str(found["sha"]),
        url=str(found.get("web_url") or ""),
        updated_at=str(found.get("updated_at") or ""),
    )


def _same(known: dict[str, Any], status: CommitStatus) -> bool:
    return (
        known.get("status") == status.state.value
        and (known.get("description") or "") == status.description
        and (known.get("target_url") or None) == status.target_url
    )


def _no_way(known: dict[str, Any], status: CommitStatus) -> bool:
    """Whether GitLab has no transition for it: from running to running or pending, from pending to pending."""
    before, state = str(known.get("status")), status.state
    return (before == "running" and state in {CommitState.RUNNING, CommitState.PENDING}) or (
        before == "pending" and state is CommitState.PENDING
    )


def _created(statuses: Any, body: dict[str, Any], ref: str) -> None:
    """The status is there. ``ref`` is named only where GitLab asks for it: it would part statuses from a pipeline."""
    try:
        statuses.create(body, **ONCE)
    except gitlab.GitlabCreateError as error:
        if not ref or not _on_no_branch(error):
            raise
        statuses.create({**body, "ref": ref}, **ONCE)


def _on_no_branch(error: gitlab.GitlabCreateError) -> bool:
    return error.response_code == requests.codes.not_found and "References for commit" in str(error.error_message)


def _some(rules: Any) -> Any:
    return rules.list(iterator=False, get_all=False, per_page=RULES_MAX, **ONCE)
