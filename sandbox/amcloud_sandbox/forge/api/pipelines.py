"""Pipelines: start, list, follow, cancel, retry."""

from __future__ import annotations

import json
from datetime import datetime

from amcloud_sandbox.forge import access, ci, git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter, bad_request, forbidden, not_found
from amcloud_sandbox.forge.paging import Answer, keyset, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, parse_time

NOT_ALLOWED = (
    "You do not have sufficient permission to run a pipeline on '{ref}'. Please select a different branch or contact "
    "your administrator for assistance."
)
STATUSES = (
    "created",
    "waiting_for_resource",
    "preparing",
    "pending",
    "running",
    "success",
    "failed",
    "canceled",
    "skipped",
    "manual",
    "scheduled",
)
SCOPES = {
    "running": ("running",),
    "pending": ("pending",),
    "finished": ci.FINAL,
    "branches": STATUSES,
    "tags": STATUSES,
}
LABELS = {
    "success": "passed",
    "failed": "failed",
    "running": "running",
    "pending": "pending",
    "canceled": "canceled",
    "skipped": "skipped",
}


def short(call: Call, project: Row, row: Row) -> Row:
    """A pipeline as lists show it."""
    kept = ("id", "iid", "project_id", "sha", "ref", "status", "source", "created_at", "updated_at")
    return {
        **{name: row[name] for name in kept},
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/pipelines/{row['id']}",
        "name": None,
    }


def seconds(start: str | None, end: str | None) -> float | None:
    """Seconds between two stored times, None when one is missing."""
    if not start or not end:
        return None
    first: datetime = parse_time(start)
    return max(0.0, (parse_time(end) - first).total_seconds())


def full(call: Call, project: Row, row: Row) -> Row:
    """A pipeline in full."""
    duration, queued = seconds(row["started_at"], row["finished_at"]), seconds(row["created_at"], row["started_at"])
    url = f"/{project['full_path']}/-/pipelines/{row['id']}"
    text = str(LABELS.get(row["status"], row["status"]))
    return {
        **short(call, project, row),
        "before_sha": row["before_sha"],
        "tag": bool(row["tag"]),
        "yaml_errors": row["yaml_errors"],
        "user": shapes.user(call.forge, call.forge.user(row["user_id"])),
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "committed_at": None,
        "duration": round(duration) if duration is not None else None,
        "queued_duration": round(queued) if queued is not None else None,
        "coverage": None,
        "archived": False,
        "detailed_status": {
            "icon": f"status_{row['status']}",
            "text": text.capitalize(),
            "label": text,
            "group": row["status"],
            "tooltip": text,
            "has_details": True,
            "details_path": url,
            "illustration": None,
            "favicon": f"/assets/ci_favicons/favicon_status_{row['status']}.png",
        },
    }


def find(call: Call, wanted: int = Level.REPORTER) -> tuple[Row, Row]:
    """The project and pipeline of the path."""
    project = call.project(wanted)
    row = call.store.one(
        "select * from pipelines where id = ? and project_id = ?", call.number("pipeline_id"), project["id"]
    )
    if row is None:
        raise not_found()
    return project, row


@api("GET", "/projects/{id}/pipelines")
def pipelines(call: Call) -> Answer:
    """Pipelines of the project, newest first unless sorted otherwise."""
    project = call.project(Level.REPORTER)
    rows = call.store.all("select * from pipelines where project_id = ?", project["id"])
    scope, status = call.choice("scope", tuple(SCOPES)), call.choice("status", STATUSES)
    kept = [row for row in rows if _kept(call, row, scope, status)]
    order = call.choice("order_by", ("id", "status", "ref", "updated_at", "user_id"), "id") or "id"
    kept.sort(key=lambda row: (row[order], row["id"]), reverse=call.choice("sort", ("asc", "desc"), "desc") == "desc")
    return keyset(call, kept, lambda row: short(call, project, row))


def _kept(call: Call, row: Row, scope: str | None, status: str | None) -> bool:
    username = call.text("username")
    after, before = call.text("updated_after"), call.text("updated_before")
    return (
        call.text("sha") in {None, row["sha"]}
        and call.text("ref") in {None, row["ref"]}
        and call.text("source") in {None, row["source"]}
        and status in {None, row["status"]}
        and (scope is None or row["status"] in SCOPES[scope])
        and (scope != "tags" or bool(row["tag"]))
        and (username is None or call.forge.user(row["user_id"])["username"] == username)
        and (after is None or row["updated_at"] >= _time(after))
        and (before is None or row["updated_at"] <= _time(before))
    )


def _time(text: str) -> str:
    from amcloud_sandbox.forge.store import stamp

    try:
        return stamp(parse_time(text))
    except ValueError:
        raise bad_parameter("updated_after is invalid") from None


@api("POST", "/projects/{id}/pipeline")
def create_pipeline(call: Call) -> Answer:
    """A new pipeline of a branch or tag."""
    project = call.project(Level.DEVELOPER)
    ref, user = call.required("ref"), call.user()
    if not project["jobs_enabled"] or project["archived"]:
        raise forbidden()
    repo = call.forge.config.repository(project["id"])
    known, sha, tag = git.refs(repo), None, False
    short_ref = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    for prefix in ("refs/heads/", "refs/tags/"):
        if sha is None and f"{prefix}{short_ref}" in known:
            sha, tag = git.resolve(repo, f"{prefix}{short_ref}"), prefix == "refs/tags/"
    if sha is None:
        raise bad_request({"base": ["Reference not found"]})
    if not access.may_move(call.store, call.caller, project, short_ref, tag=tag):
        raise bad_request({"base": [NOT_ALLOWED.format(ref=short_ref)]})
    exists, problem = ci.configuration(call.forge, project, sha)
    if not exists:
        raise bad_request({"base": ["Missing CI config file"]})
    if problem:
        raise bad_request({"base": [problem]})
    variables = _variables(call)
    row = ci.create(call.forge, project, ref=short_ref, sha=sha, tag=tag, user=user, source="api", variables=variables)
    assert row is not None
    return Answer(full(call, project, row), 201)


def _variables(call: Call) -> list[Row]:
    given = call.params.get("variables") or []
    if isinstance(given, dict):
        given = [{"key": key, "value": value} for key, value in given.items()]
    if not isinstance(given, list) or not all(isinstance(item, dict) and item.get("key") for item in given):
        raise bad_parameter("variables is invalid")
    return [
        {
            "variable_type": str(item.get("variable_type", "env_var")),
            "key": str(item["key"]),
            "value": str(item.get("value", "")),
            "raw": False,
        }
        for item in given
    ]


@api("GET", "/projects/{id}/pipelines/latest")
def latest(call: Call) -> Row:
    """The newest pipeline of the newest commit of ``ref`` (the default branch unless given)."""
    project = call.project(Level.REPORTER)
    ref = call.text("ref") or project["default_branch"]
    sha = git.resolve(call.forge.config.repository(project["id"]), f"refs/heads/{ref}")
    sql = "select * from pipelines where project_id = ? and ref = ? and sha = ? order by id desc"
    row = call.store.one(sql, project["id"], ref, sha)
    if row is None:
        raise ApiError(403, "403 Forbidden")  # GitLab's own answer to "no pipeline yet"
    return full(call, project, row)


@api("GET", "/projects/{id}/pipelines/{pipeline_id}")
def pipeline(call: Call) -> Row:
    """One pipeline."""
    return full(call, *find(call))


@api("DELETE", "/projects/{id}/pipelines/{pipeline_id}")
def delete_pipeline(call: Call) -> Answer:
    """The pipeline and its jobs are gone."""
    _, row = find(call, Level.OWNER)
    call.store.run("delete from jobs where pipeline_id = ?", row["id"])
    call.store.run("delete from pipelines where id = ?", row["id"])
    return Answer(None, 204)


@api("GET", "/projects/{id}/pipelines/{pipeline_id}/variables")
def pipeline_variables(call: Call) -> list[Row]:
    """Variables that the pipeline was started with."""
    found: list[Row] = json.loads(find(call, Level.DEVELOPER)[1]["variables"])
    return found


@api("POST", "/projects/{id}/pipelines/{pipeline_id}/cancel")
def cancel(call: Call) -> Answer:
    """The pipeline, canceled."""
    project, row = find(call, Level.DEVELOPER)
    return Answer(full(call, project, ci.cancel(call.forge, row)), 200)


@api("POST", "/projects/{id}/pipelines/{pipeline_id}/retry")
def retry(call: Call) -> Answer:
    """The pipeline, its failed and canceled jobs waiting again."""
    project, row = find(call, Level.DEVELOPER)
    if project["archived"]:
        raise forbidden()
    return Answer(full(call, project, ci.retry(call.forge, row, call.user())), 201)


@api("GET", "/projects/{id}/pipelines/{pipeline_id}/bridges")
def bridges(call: Call) -> Answer:
    """Always empty: child pipelines are not modelled."""
    find(call)
    return page(call, [], lambda row: row)
