"""Commit statuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from amcloud_sandbox.forge import access, ci, git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_parameter, bad_request, forbidden, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row

TEXT_LIMIT = 255
STATES = ("pending", "running", "success", "failed", "canceled", "skipped")


def shape(call: Call, row: Row) -> Row:
    """A commit status (a CI job counts as one)."""
    kept = (
        "id",
        "sha",
        "ref",
        "status",
        "name",
        "target_url",
        "description",
        "created_at",
        "started_at",
        "finished_at",
        "coverage",
        "pipeline_id",
    )
    return {
        **{name: row[name] for name in kept},
        "allow_failure": bool(row["allow_failure"]),
        "author": shapes.user(call.forge, call.forge.user(row["user_id"])),
    }


def _sha(call: Call, project: Row) -> str:
    sha = git.resolve(call.forge.config.repository(project["id"]), call.path["sha"])
    if sha is None:
        raise not_found("Commit")
    return sha


@api("GET", "/projects/{id}/repository/commits/{sha}/statuses")
def statuses(call: Call) -> Answer:
    """Statuses of the commit, the newest of each name unless ``all``; oldest first unless sorted otherwise."""
    project = call.project(Level.REPORTER)
    rows = call.store.all(
        "select * from jobs where project_id = ? and sha = ? order by id", project["id"], _sha(call, project)
    )
    name, ref, stage, pipeline_id = call.text("name"), call.text("ref"), call.text("stage"), call.integer("pipeline_id")
    kept = [
        row
        for row in rows
        if (call.flag("all") or not row["retried"])
        and name in {None, row["name"]}
        and ref in {None, row["ref"]}
        and stage in {None, row["stage"]}
        and pipeline_id in {None, row["pipeline_id"]}
    ]
    order = call.choice("order_by", ("id", "pipeline_id"), "id") or "id"
    kept.sort(key=lambda row: (row[order], row["id"]), reverse=call.choice("sort", ("asc", "desc"), "asc") == "desc")
    return page(call, kept, lambda row: shape(call, row))


def _optional(call: Call) -> dict[str, Any]:
    target, description, coverage = call.text("target_url"), call.text("description"), call.text("coverage")
    problems: dict[str, list[str]] = {}
    too_long = f"is too long (maximum is {TEXT_LIMIT} characters)"
    if target and urlsplit(target).scheme not in {"http", "https"}:
        problems.setdefault("target_url", []).append("is blocked: Only allowed schemes are http, https")
    if target and len(target) > TEXT_LIMIT:
        problems.setdefault("target_url", []).append(too_long)
    if description and len(description) > TEXT_LIMIT:
        problems.setdefault("description", []).append(too_long)
    if problems:
        raise bad_request(problems)
    try:
        number = float(coverage) if coverage else None
    except ValueError:
        raise bad_parameter("coverage is invalid") from None
    return {"target_url": target, "description": description, "coverage": number}


@api("POST", "/projects/{id}/statuses/{sha}")
def post_status(call: Call) -> Answer:
    """The status of one system on a commit, made or moved."""
    project = call.project(Level.DEVELOPER)
    if project["archived"]:
        raise forbidden()
    call.required("state")
    state = call.choice("state", STATES)
    assert state is not None
    user, optional = call.user(), _optional(call)
    sha = call.path["sha"]
    if len(sha) != len(git.NO_SHA) or git.resolve(call.forge.config.repository(project["id"]), sha) != sha:
        sha = _sha(call, project)
    row = ci.post_status(
        call.forge,
        project,
        sha,
        user,
        ref=call.text("ref"),
        pipeline_id=call.integer("pipeline_id"),
        name=call.text("name") or call.text("context") or "default",
        state=state,
        allowed=lambda ref, tag: access.may_move(call.store, call.caller, project, ref, tag=tag),
        **optional,
    )
    return Answer(shape(call, row), 201)
