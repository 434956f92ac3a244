"""Forks: whose project is a copy of which, and where a merge request's commits come from."""

from __future__ import annotations

from amcloud_sandbox.forge import git
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row


def parent(forge: Forge, project_id: int) -> int | None:
    """The project that this one was copied from."""
    found: int | None = forge.store.value("select parent_id from forks where project_id = ?", project_id)
    return found


def source(forge: Forge, project: Row, request: Row) -> Row:
    """The project that holds a merge request's source branch: ``project`` itself, or a fork of it."""
    sql = "select p.* from projects p join fork_requests f on f.source_project_id = p.id where f.merge_request_id = ?"
    return forge.store.one(sql, request["id"]) or project


def bring(forge: Forge, project: Row, request: Row) -> None:
    """``refs/merge-requests/<iid>/head`` of ``project`` names the newest commit, which is there, from a fork or not."""
    if not request["sha"]:
        return
    repo, ref = forge.config.repository(project["id"]), f"refs/merge-requests/{request['iid']}/head"
    origin = forge.config.repository(source(forge, project, request)["id"])
    git.git(repo, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(origin), f"+{request['sha']}:{ref}")
