"""Members of projects and groups."""

from __future__ import annotations

from amcloud_sandbox.forge import shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now


def _source(call: Call, kind: str, wanted: int) -> Row:
    return call.project(wanted) if kind == "project" else call.group(wanted)


def _list(call: Call, kind: str) -> Answer:
    row = _source(call, kind, Level.GUEST)
    rows = call.store.all("select * from members where source = ? and source_id = ? order by user_id", kind, row["id"])
    return page(call, _asked(call, rows), lambda item: shapes.member(call.forge, item))


def _asked(call: Call, rows: list[Row]) -> list[Row]:
    """Those of the users that ``user_ids[]`` names, all without it."""
    wanted = {value for key, value in call.query if key == "user_ids[]"} or set(call.words("user_ids") or ())
    return [row for row in rows if not wanted or str(row["user_id"]) in wanted]


def _inherited(call: Call) -> list[Row]:
    row, found = call.project(), {}
    sql = "select * from members where source = ? and source_id = ?"
    for item in call.store.all(sql, "project", row["id"]):
        found[item["user_id"]] = item
    group_id = row["group_id"]
    while group_id is not None:
        for item in call.store.all(sql, "group", group_id):
            kept = found.get(item["user_id"])
            if kept is None or kept["access_level"] < item["access_level"]:
                found[item["user_id"]] = item
        group_id = call.store.value("select parent_id from groups where id = ?", group_id)
    return _asked(call, [found[key] for key in sorted(found)])


def _member(call: Call, kind: str, source_id: int) -> Row:
    sql = "select * from members where source = ? and source_id = ? and user_id = ?"
    row = call.store.one(sql, kind, source_id, call.number("user_id"))
    if row is None:
        raise not_found()
    return row


def _level(call: Call) -> int:
    value = call.integer("access_level")
    if value is None:
        raise bad_parameter("access_level is missing")
    if value not in {int(level) for level in Level if level}:
        raise bad_parameter("access_level does not have a valid value")
    return value


def _add(call: Call, kind: str) -> Answer:
    row, level, user_id = _source(call, kind, Level.MAINTAINER), _level(call), call.integer("user_id")
    if user_id is None:
        raise bad_parameter("user_id is missing")
    if not call.store.one("select id from users where id = ?", user_id):
        raise not_found("User")
    sql = "select 1 from members where source = ? and source_id = ? and user_id = ?"
    if call.store.value(sql, kind, row["id"], user_id):
        raise ApiError(409, "Member already exists")
    member = call.store.insert(
        "members", source=kind, source_id=row["id"], user_id=user_id, access_level=level, created_at=now()
    )
    return Answer(shapes.member(call.forge, member), 201)


def _update(call: Call, kind: str) -> Row:
    row, level = _source(call, kind, Level.MAINTAINER), _level(call)
    member = _member(call, kind, row["id"])
    sql = "update members set access_level = ? where source = ? and source_id = ? and user_id = ?"
    call.store.run(sql, level, kind, row["id"], member["user_id"])
    return shapes.member(call.forge, {**member, "access_level": level})


def _remove(call: Call, kind: str) -> Answer:
    row = _source(call, kind, Level.MAINTAINER)
    member = _member(call, kind, row["id"])
    sql = "delete from members where source = ? and source_id = ? and user_id = ?"
    call.store.run(sql, kind, row["id"], member["user_id"])
    return Answer(None, 204)


def _register(kind: str) -> None:
    base = f"/{kind}s/{{id}}/members"
    api("GET", base)(lambda call: _list(call, kind))
    api("POST", base)(lambda call: _add(call, kind))
    api("PUT", f"{base}/{{user_id}}")(lambda call: _update(call, kind))
    api("DELETE", f"{base}/{{user_id}}")(lambda call: _remove(call, kind))


@api("GET", "/projects/{id}/members/all")
def all_members(call: Call) -> Answer:
    """Members of the project and of its groups, each with its highest level."""
    return page(call, _inherited(call), lambda item: shapes.member(call.forge, item))


@api("GET", "/projects/{id}/members/all/{user_id}")
def one_of_all(call: Call) -> Row:
    """One member, direct or inherited."""
    found = [item for item in _inherited(call) if item["user_id"] == call.number("user_id")]
    if not found:
        raise not_found()
    return shapes.member(call.forge, found[0])


@api("GET", "/projects/{id}/members/{user_id}")
def project_member(call: Call) -> Row:
    """One direct member of the project."""
    return shapes.member(call.forge, _member(call, "project", call.project()["id"]))


@api("GET", "/groups/{id}/members/{user_id}")
def group_member(call: Call) -> Row:
    """One direct member of the group."""
    return shapes.member(call.forge, _member(call, "group", call.group()["id"]))


_register("project")
_register("group")
