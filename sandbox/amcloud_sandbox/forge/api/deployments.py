"""Environments and deployments."""

from __future__ import annotations

import re

from amcloud_sandbox.forge import git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_parameter, bad_request, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now

STATUSES = ("running", "success", "failed", "canceled")
TIERS = ("production", "staging", "testing", "development", "other")
GUESSES = (
    ("prod", "production"),
    ("live", "production"),
    ("stag", "staging"),
    ("accept", "staging"),
    ("test", "testing"),
    ("dev", "development"),
)


def _environment(call: Call, row: Row, *, last: bool = False) -> Row:
    kept = ("id", "name", "slug", "external_url", "state", "tier", "created_at", "updated_at")
    shown: Row = {
        **{name: row[name] for name in kept},
        "description": None,
        "auto_stop_at": None,
        "auto_stop_setting": "always",
    }
    if last:
        found = call.store.one(
            "select * from deployments where environment_id = ? and status = 'success' order by id desc", row["id"]
        )
        shown["last_deployment"] = _deployment(call, call.project(), found) if found else None
    return shown


def _tier(name: str) -> str:
    return next((tier for word, tier in GUESSES if word in name.lower()), "other")


def _make(call: Call, project: Row, name: str, url: str | None, tier: str | None) -> Row:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24]
    at = now()
    return call.store.insert(
        "environments",
        project_id=project["id"],
        name=name,
        slug=slug,
        external_url=url,
        tier=tier or _tier(name),
        created_at=at,
        updated_at=at,
    )


@api("GET", "/projects/{id}/environments")
def environments(call: Call) -> Answer:
    """Environments of the project."""
    project, name, search = call.project(Level.REPORTER), call.text("name"), call.text("search") or ""
    rows = call.store.all("select * from environments where project_id = ? order by id", project["id"])
    kept = [
        row
        for row in rows
        if name in {None, row["name"]} and search in row["name"] and call.text("states") in {None, row["state"]}
    ]
    return page(call, kept, lambda row: _environment(call, row))


@api("POST", "/projects/{id}/environments")
def create_environment(call: Call) -> Answer:
    """A new environment."""
    project, name = call.project(Level.DEVELOPER), call.required("name")
    if call.store.value("select 1 from environments where project_id = ? and name = ?", project["id"], name):
        raise bad_request({"name": ["has already been taken"]})
    row = _make(call, project, name, call.text("external_url"), call.choice("tier", TIERS))
    return Answer(_environment(call, row, last=True), 201)


def _find(call: Call, wanted: int) -> Row:
    project = call.project(wanted)
    row = call.store.one(
        "select * from environments where project_id = ? and id = ?", project["id"], call.number("environment_id")
    )
    if row is None:
        raise not_found("Environment")
    return row


@api("GET", "/projects/{id}/environments/{environment_id}")
def environment(call: Call) -> Row:
    """One environment with its last deployment."""
    return _environment(call, _find(call, Level.REPORTER), last=True)


@api("PUT", "/projects/{id}/environments/{environment_id}")
def update_environment(call: Call) -> Row:
    """The environment after the change."""
    row = _find(call, Level.DEVELOPER)
    changed: Row = {"external_url": call.text("external_url")} if call.text("external_url") is not None else {}
    if call.choice("tier", TIERS):
        changed["tier"] = call.text("tier")
    return _environment(call, call.store.update("environments", row["id"], **changed, updated_at=now()), last=True)


@api("POST", "/projects/{id}/environments/{environment_id}/stop")
def stop_environment(call: Call) -> Row:
    """The environment, stopped."""
    row = _find(call, Level.DEVELOPER)
    return _environment(
        call, call.store.update("environments", row["id"], state="stopped", updated_at=now()), last=True
    )


@api("DELETE", "/projects/{id}/environments/{environment_id}")
def delete_environment(call: Call) -> Answer:
    """The environment is gone; it must be stopped first."""
    row = _find(call, Level.DEVELOPER)
    if row["state"] != "stopped":
        from amcloud_sandbox.forge.errors import forbidden

        raise forbidden("Environment must be in stopped state")
    call.store.run("delete from environments where id = ?", row["id"])
    return Answer(None, 204)


def _deployment(call: Call, project: Row, row: Row) -> Row:
    kept = ("id", "iid", "ref", "sha", "status", "created_at", "updated_at")
    found = call.store.one("select * from environments where id = ?", row["environment_id"])
    return {
        **{name: row[name] for name in kept},
        "user": shapes.user(call.forge, call.forge.user(row["user_id"])),
        "environment": _environment(call, found) if found else None,
        "deployable": None,
    }


@api("GET", "/projects/{id}/deployments")
def deployments(call: Call) -> Answer:
    """Deployments of the project, oldest first unless sorted otherwise."""
    project, name, status = call.project(Level.REPORTER), call.text("environment"), call.text("status")
    sql = """select d.*, e.name as environment_name from deployments d
             left join environments e on e.id = d.environment_id where d.project_id = ?"""
    rows = [
        row
        for row in call.store.all(sql, project["id"])
        if name in {None, row["environment_name"]} and status in {None, row["status"]}
    ]
    order = call.choice("order_by", ("id", "iid", "created_at", "updated_at", "ref"), "id") or "id"
    rows.sort(key=lambda row: (row[order], row["id"]), reverse=call.choice("sort", ("asc", "desc"), "asc") == "desc")
    return page(call, rows, lambda row: _deployment(call, project, row))


@api("POST", "/projects/{id}/deployments")
def create_deployment(call: Call) -> Answer:
    """A new deployment of a commit to an environment, made when absent."""
    project, user = call.project(Level.DEVELOPER), call.user()
    name, ref, given = call.required("environment"), call.required("ref"), call.required("sha")
    status, tag = call.choice("status", STATUSES), call.flag("tag")
    if status is None or tag is None:
        raise bad_parameter("status is missing" if status is None else "tag is missing")
    sha = git.resolve(call.forge.config.repository(project["id"]), given)
    if sha is None:
        raise bad_request({"sha": ["The commit does not exist"]})
    with call.store.together():
        found = call.store.one("select * from environments where project_id = ? and name = ?", project["id"], name)
        place = found or _make(call, project, name, None, None)
        at = now()
        row = call.store.insert(
            "deployments", iid=call.store.next_iid("deployments", project["id"]), project_id=project["id"],
            environment_id=place["id"], ref=ref, sha=sha, tag=int(tag), status=status, user_id=user["id"],
            created_at=at, updated_at=at,
        )  # fmt: skip
        if status == "success":
            call.store.update("environments", place["id"], state="available", updated_at=at)
    return Answer(_deployment(call, project, row), 201)


def _one(call: Call, wanted: int) -> tuple[Row, Row]:
    project = call.project(wanted)
    row = call.store.one(
        "select * from deployments where project_id = ? and id = ?", project["id"], call.number("deployment_id")
    )
    if row is None:
        raise not_found("Deployment")
    return project, row


@api("GET", "/projects/{id}/deployments/{deployment_id}")
def deployment(call: Call) -> Row:
    """One deployment."""
    return _deployment(call, *_one(call, Level.REPORTER))


@api("PUT", "/projects/{id}/deployments/{deployment_id}")
def update_deployment(call: Call) -> Row:
    """The deployment in its new status; one that is over stays as it is."""
    project, row = _one(call, Level.DEVELOPER)
    status = call.choice("status", STATUSES)
    if status is None:
        raise bad_parameter("status is missing")
    if row["status"] != "running" or status == "running":
        raise bad_request({"status": ["cannot transition from " + row["status"]]})
    return _deployment(call, project, call.store.update("deployments", row["id"], status=status, updated_at=now()))


@api("DELETE", "/projects/{id}/deployments/{deployment_id}")
def delete_deployment(call: Call) -> Answer:
    """The deployment's record is gone."""
    _, row = _one(call, Level.MAINTAINER)
    call.store.run("delete from deployments where id = ?", row["id"])
    return Answer(None, 204)
