"""Groups and namespaces."""

from __future__ import annotations

import re
import shutil

from amcloud_sandbox.forge import shapes
from amcloud_sandbox.forge.access import VISIBILITIES, Level, group_level, level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_request, not_found
from amcloud_sandbox.forge.paging import Answer, keyset, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now

PATH = re.compile(r"^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}$")
PATH_PROBLEM = (
    "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.', '.git' or '.atom', "
    "or contain consecutive special characters."
)


def _visible(call: Call) -> list[Row]:
    rows = call.store.all("select * from groups order by name, id")
    return [row for row in rows if row["visibility"] != "private" or group_level(call.store, call.caller, row["id"])]


@api("GET", "/groups")
def groups(call: Call) -> Answer:
    """Groups that the caller sees."""
    search = (call.text("search") or "").lower()
    rows = [row for row in _visible(call) if search in f"{row['name']} {row['path']}".lower()]
    return keyset(call, rows, lambda row: shapes.group(call.forge, row), order_by=("name", "id"))


@api("POST", "/groups")
def create_group(call: Call) -> Answer:
    """A new group, its maker owns it."""
    user, name, path = call.user(), call.required("name"), call.required("path")
    if not PATH.match(path) or path.endswith((".", ".git", ".atom")):
        raise bad_request(f'Failed to save group {{:path=>["{PATH_PROBLEM}"]}}')
    parent_id = call.integer("parent_id")
    parent = call.store.one("select * from groups where id = ?", parent_id) if parent_id else None
    if parent_id and (parent is None or group_level(call.store, call.caller, parent_id) < Level.MAINTAINER):
        raise not_found("Group")
    full = f"{parent['full_path']}/{path}" if parent else path
    taken = "select 1 from groups where full_path = ? union all select 1 from projects where full_path = ?"
    if call.store.value(taken, full, full):
        raise bad_request('Failed to save group {:path=>["has already been taken"]}')
    visibility = call.choice("visibility", tuple(VISIBILITIES), "private")
    with call.store.together():
        row = call.store.insert(
            "groups", path=path, name=name, full_path=full, parent_id=parent_id, visibility=visibility,
            description=call.text("description", "") or "", created_at=now(),
        )  # fmt: skip
        call.store.insert(
            "members",
            source="group",
            source_id=row["id"],
            user_id=user["id"],
            access_level=int(Level.OWNER),
            created_at=now(),
        )
    return Answer(shapes.group(call.forge, row), 201)


@api("GET", "/groups/{id}")
def group(call: Call) -> Row:
    """One group, with its projects unless ``with_projects`` is false."""
    row = call.group()
    shown = shapes.group(call.forge, row)
    if call.flag("with_projects", True):
        shown["projects"] = [shapes.project(call.forge, item, call.caller) for item in _projects(call, row)]
    return shown


@api("PUT", "/groups/{id}")
def update_group(call: Call) -> Row:
    """The group, renamed or described anew (its path stays)."""
    row = call.group(Level.OWNER)
    changed = {key: call.text(key) for key in ("name", "description") if call.text(key) is not None}
    visibility = call.choice("visibility", tuple(VISIBILITIES))
    return shapes.group(
        call.forge,
        call.store.update("groups", row["id"], **changed, **({"visibility": visibility} if visibility else {})),
    )


@api("DELETE", "/groups/{id}")
def delete_group(call: Call) -> Answer:
    """The group and its projects are gone."""
    row = call.group(Level.OWNER)
    within = call.store.all(
        "select id from groups where id = ? or full_path like ?", row["id"], f"{row['full_path']}/%"
    )
    for item in within:
        for project in call.store.all("select id from projects where group_id = ?", item["id"]):
            call.store.run("delete from projects where id = ?", project["id"])
            shutil.rmtree(call.forge.config.repository(project["id"]), ignore_errors=True)
        call.store.run("delete from groups where id = ?", item["id"])
    return Answer({"message": "202 Accepted"}, 202)


def _projects(call: Call, row: Row, *, nested: bool = False) -> list[Row]:
    sql = """select p.* from projects p join groups g on g.id = p.group_id where g.id = ? or (? and g.full_path like ?)
             order by p.created_at desc, p.id desc"""
    rows = call.store.all(sql, row["id"], int(nested), f"{row['full_path']}/%")
    return [item for item in rows if level(call.store, call.caller, item)]


@api("GET", "/groups/{id}/projects")
def group_projects(call: Call) -> Answer:
    """Projects of the group (and of those under it with ``include_subgroups``)."""
    rows = _projects(call, call.group(), nested=bool(call.flag("include_subgroups")))
    archived = call.flag("archived")
    kept = [row for row in rows if archived is None or bool(row["archived"]) == archived]
    return keyset(call, kept, lambda row: shapes.project(call.forge, row, call.caller))


@api("GET", "/groups/{id}/subgroups")
def subgroups(call: Call) -> Answer:
    """Groups directly under the group."""
    row = call.group()
    kept = [item for item in _visible(call) if item["parent_id"] == row["id"]]
    return page(call, kept, lambda item: shapes.group(call.forge, item))


@api("GET", "/namespaces")
def namespaces(call: Call) -> Answer:
    """Groups as namespaces."""
    call.user()
    search = (call.text("search") or "").lower()
    rows = [row for row in _visible(call) if search in row["full_path"].lower()]
    return page(call, rows, lambda row: shapes.namespace(call.forge, row))


@api("GET", "/namespaces/{id}")
def namespace(call: Call) -> Row:
    """One group as a namespace."""
    call.user()
    return shapes.namespace(call.forge, call.group())
