"""Forks: copies of a project in another group, whose branches may be proposed to it."""

from __future__ import annotations

from amcloud_sandbox.forge import forks, git, pushes, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.api import projects
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError
from amcloud_sandbox.forge.paging import Answer
from amcloud_sandbox.forge.routing import api


@api("POST", "/projects/{id}/fork")
def fork(call: Call) -> Answer:
    """A copy of the project, its branches and tags included, there at once (GitLab's comes a moment later)."""
    origin, group = call.project(Level.REPORTER), projects.namespace(call)
    path = call.text("path") or origin["path"]
    full = f"{group['full_path']}/{path}"
    if call.store.value("select 1 from projects where full_path = ?", full):
        raise ApiError(409, {"message": ["Name has already been taken", "Path has already been taken"]})
    row = projects.made(call, group, path, call.text("name") or path, origin["visibility"], origin["default_branch"])
    call.store.insert("forks", project_id=row["id"], parent_id=origin["id"])
    repo = call.forge.config.repository(row["id"])
    source = str(call.forge.config.repository(origin["id"]))
    git.git(repo, "fetch", "--quiet", source, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    pushes.protect(call.forge, row["id"], origin["default_branch"])
    shown = shapes.project(call.forge, row, call.caller)
    assert forks.parent(call.forge, row["id"]) == origin["id"]
    return Answer(
        {**shown, "forked_from_project": {"id": origin["id"], "path_with_namespace": origin["full_path"]}}, 201
    )
