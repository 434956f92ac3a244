"""What a forge project is like, for ``amcloud doctor``: the project, our account's rights, its protections and CI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gitlab
import requests

from amcloud.clients import forge_facts
from amcloud.clients.forge_calls import ONCE, ForgeCalls
from psram.proofs import CiInclude, ProtectedRef

RULES_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class LastPipeline:
    """The newest pipeline of the default branch: who ran its jobs, and since when it waits."""

    id: int
    status: str
    created_at: str
    runners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project. ``level`` is the role of ``account``, whose token asked."""

    id: int
    path: str
    archived: bool
    default_branch: str
    account: str
    admin: bool
    level: int
    branches: tuple[ProtectedRef, ...]
    tags: tuple[ProtectedRef, ...]
    ci_valid: bool
    ci_errors: tuple[str, ...]
    includes: tuple[CiInclude, ...]
    pipeline: LastPipeline | None


def read(calls: ForgeCalls, project: str, *, built: bool = True) -> ProjectState:
    """The project as the token of ``calls`` sees it; not ``built``: without what only its CI and branches tell.

    Raises:
        RepositoryRefusedError: it is not there for this token, or too little of it may be read.
    """
    with calls.asking(f"examen de {project}", project):
        found: Any = calls.gitlab.projects.get(project, **ONCE)
        account = calls.gitlab.http_get("/user", **ONCE)
        assert isinstance(account, dict)
        branches = _rules(found.protectedbranches) if built else []
        tags = _rules(found.protectedtags) if built else []
        lint = _lint(found) if built else {}
        facts = forge_facts.project(found.attributes, branches, tags, lint)
        return ProjectState(
            id=int(found.attributes["id"]),
            path=facts.project,
            archived=bool(found.attributes.get("archived")),
            default_branch=facts.default_branch,
            account=str(account.get("username", "")),
            admin=bool(account.get("is_admin")),
            level=_level(found, int(account["id"])),
            branches=facts.protected_branches,
            tags=facts.protected_tags,
            ci_valid=bool(lint.get("valid")),
            ci_errors=tuple(str(one) for one in lint.get("errors") or ())[:5],
            includes=facts.includes or (),
            pipeline=_pipeline(found, facts.default_branch) if built else None,
        )


def _rules(rules: Any) -> list[dict[str, Any]]:
    return [dict(rule.attributes) for rule in rules.list(per_page=RULES_MOST, get_all=False, **ONCE)]


def _lint(project: Any) -> dict[str, Any]:
    """The CI configuration of the default branch as merged; of a project without a commit, that there is none."""
    try:
        return dict(project.ci_lint.get(include_jobs=True, **ONCE).attributes)
    except gitlab.GitlabGetError as error:
        if error.response_code != requests.codes.not_found:
            raise
        return {"valid": False, "errors": ["le dépôt est vide : poussez-y une première révision"]}


def _level(project: Any, user: int) -> int:
    """The role of a member, inherited ones included; 0 for none."""
    listed = project.members_all.list(user_ids=[user], per_page=RULES_MOST, get_all=False, **ONCE)
    levels = [int(one.attributes["access_level"]) for one in listed if int(one.attributes["id"]) == user]
    return max(levels, default=0)


def _pipeline(project: Any, branch: str) -> LastPipeline | None:
    listed = project.pipelines.list(ref=branch, order_by="id", sort="desc", per_page=5, get_all=False, **ONCE)
    found = next((one for one in listed if one.attributes.get("source") != "external"), None)
    if found is None:
        return None
    jobs = [job.attributes for job in found.jobs.list(per_page=RULES_MOST, get_all=False, **ONCE)]
    attributes = found.attributes
    return LastPipeline(
        int(attributes["id"]), str(attributes["status"]), str(attributes["created_at"]), forge_facts.runners(jobs)
    )
