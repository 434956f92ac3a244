"""Branches and tags."""

from __future__ import annotations

from pathlib import Path

from amcloud_sandbox.forge import git, pushes, shapes
from amcloud_sandbox.forge.access import Level, level
from amcloud_sandbox.forge.api.protections import matching
from amcloud_sandbox.forge.api.repository import repository
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_request, forbidden, not_found
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row

TAG_RULES = "select * from protected_tags where project_id = ?"


def _branch(call: Call, project: Row, name: str, sha: str) -> Row:
    rule = call.store.one("select * from protected_branches where project_id = ? and name = ?", project["id"], name)
    found = git.commit(call.forge.config.repository(project["id"]), sha)
    assert found is not None
    needed = rule["push_level"] if rule else Level.DEVELOPER
    return {
        "name": name,
        "commit": shapes.commit(call.forge, project, found),
        "merged": False,
        "protected": rule is not None,
        "developers_can_push": bool(rule and rule["push_level"] <= Level.DEVELOPER),
        "developers_can_merge": bool(rule and rule["merge_level"] <= Level.DEVELOPER),
        "can_push": bool(needed) and level(call.store, call.caller, project) >= needed,
        "default": name == project["default_branch"],
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/tree/{name}",
    }


def _heads(repo: Path, prefix: str) -> dict[str, str]:
    return {ref.removeprefix(prefix): sha for ref, sha in git.refs(repo).items() if ref.startswith(prefix)}


@api("GET", "/projects/{id}/repository/branches")
def branches(call: Call) -> Answer:
    """Branches by name."""
    project, repo = repository(call)
    search = call.text("search") or ""
    rows = [
        {"name": name, "sha": sha}
        for name, sha in sorted(_heads(repo, "refs/heads/").items())
        if search.strip("^$") in name
    ]
    return page(call, rows, lambda row: _branch(call, project, row["name"], row["sha"]))


@api("GET", "/projects/{id}/repository/branches/{name}")
def branch(call: Call) -> Row:
    """One branch."""
    project, repo = repository(call)
    sha = _heads(repo, "refs/heads/").get(call.path["name"])
    if sha is None:
        raise not_found("Branch")
    return _branch(call, project, call.path["name"], sha)


@api("POST", "/projects/{id}/repository/branches")
def create_branch(call: Call) -> Answer:
    """A new branch at ``ref``."""
    project, repo = repository(call, Level.DEVELOPER)
    name, sha = call.required("branch"), git.resolve(repo, call.required("ref"))
    if name in _heads(repo, "refs/heads/"):
        raise bad_request("Branch already exists")
    if sha is None:
        raise bad_request("Invalid reference name: " + call.required("ref"))
    _move(call, project, Change(f"refs/heads/{name}", NO_SHA, sha), problem="Branch name is invalid")
    return Answer(_branch(call, project, name, sha), 201)


@api("DELETE", "/projects/{id}/repository/branches/{name}")
def delete_branch(call: Call) -> Answer:
    """The branch is gone."""
    project, repo = repository(call, Level.DEVELOPER)
    name = call.path["name"]
    sha = _heads(repo, "refs/heads/").get(name)
    if sha is None:
        raise not_found("Branch")
    if call.store.value("select 1 from protected_branches where project_id = ? and name = ?", project["id"], name):
        raise forbidden("Protected branch cannot be deleted")
    if name == project["default_branch"]:
        raise forbidden("Cannot remove HEAD branch")
    _move(call, project, Change(f"refs/heads/{name}", sha, NO_SHA), problem="Branch cannot be deleted")
    return Answer(None, 204)


def _move(call: Call, project: Row, change: Change, *, problem: str) -> None:
    repo = call.forge.config.repository(project["id"])
    try:
        if change.after == NO_SHA:
            git.git(repo, "update-ref", "-d", change.ref, change.before)
        else:
            git.git(repo, "check-ref-format", change.ref)
            git.git(repo, "update-ref", change.ref, change.after, change.before)
    except git.GitError:
        raise bad_request(problem) from None
    pushes.received(call.forge, project, (change,), call.user())


# ---- tags


def _tag(call: Call, project: Row, name: str, sha: str) -> Row:
    repo = call.forge.config.repository(project["id"])
    found = git.commit(repo, sha)
    assert found is not None
    message = ""
    if sha != found.id:
        message = (
            git.git(repo, "for-each-ref", "--format=%(contents)", f"refs/tags/{name}")
            .decode("utf-8", "replace")
            .strip()
        )
    return {
        "name": name,
        "message": message,
        "target": sha,
        "commit": shapes.commit(call.forge, project, found),
        "release": None,
        "protected": bool(matching(call.store.all(TAG_RULES, project["id"]), name)),
        "created_at": found.committed if sha != found.id else None,
    }


@api("GET", "/projects/{id}/repository/tags")
def tags(call: Call) -> Answer:
    """Tags, by name, last first."""
    project, repo = repository(call)
    rows = [{"name": name, "sha": sha} for name, sha in sorted(_heads(repo, "refs/tags/").items(), reverse=True)]
    return page(call, rows, lambda row: _tag(call, project, row["name"], row["sha"]))


@api("GET", "/projects/{id}/repository/tags/{name}")
def tag(call: Call) -> Row:
    """One tag."""
    project, repo = repository(call)
    sha = _heads(repo, "refs/tags/").get(call.path["name"])
    if sha is None:
        raise not_found("Tag")
    return _tag(call, project, call.path["name"], sha)


@api("POST", "/projects/{id}/repository/tags")
def create_tag(call: Call) -> Answer:
    """A new lightweight tag at ``ref``."""
    project, repo = repository(call, Level.DEVELOPER)
    name, sha = call.required("tag_name"), git.resolve(repo, call.required("ref"))
    if name in _heads(repo, "refs/tags/"):
        raise bad_request(f"Tag {name} already exists")
    if sha is None:
        raise bad_request("Target " + call.required("ref") + " is invalid")
    _move(call, project, Change(f"refs/tags/{name}", NO_SHA, sha), problem="Tag name invalid")
    return Answer(_tag(call, project, name, sha), 201)


@api("DELETE", "/projects/{id}/repository/tags/{name}")
def delete_tag(call: Call) -> Answer:
    """The tag is gone."""
    project, repo = repository(call, Level.DEVELOPER)
    sha = _heads(repo, "refs/tags/").get(call.path["name"])
    if sha is None:
        raise not_found("Tag")
    _move(call, project, Change(f"refs/tags/{call.path['name']}", sha, NO_SHA), problem="Tag cannot be deleted")
    return Answer(None, 204)
