"""Protected branches and protected tags: who may move them."""

from __future__ import annotations

import fnmatch
from typing import Final

from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row

_NAMES: Final = {40: "Maintainers", 30: "Developers + Maintainers", 0: "No one", 60: "Administrators"}


def _levels(row: Row, value: int) -> list[Row]:
    return [
        {
            "id": row["id"],
            "access_level": value,
            "access_level_description": _NAMES.get(value, str(value)),
            "deploy_key_id": None,
            "user_id": None,
            "group_id": None,
        }
    ]


def matching(rules: list[Row], name: str) -> list[Row]:
    """The rules that speak of a branch or tag: ``*`` stands for anything, as in GitLab."""
    return [rule for rule in rules if fnmatch.fnmatchcase(name, rule["name"])]


# ---- branches


def _branch(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "push_access_levels": _levels(row, row["push_level"]),
        "merge_access_levels": _levels(row, row["merge_level"]),
        "unprotect_access_levels": [],
        "allow_force_push": bool(row["allow_force_push"]),
        "code_owner_approval_required": False,
        "inherited": False,
    }


@api("GET", "/projects/{id}/protected_branches")
def protected_branches(call: Call) -> Answer:
    """Protected branches."""
    return page(call, _rules(call, "protected_branches"), _branch)


@api("GET", "/projects/{id}/protected_branches/{name}")
def protected_branch(call: Call) -> Row:
    """One protected branch."""
    return _branch(_rule(call, "protected_branches"))


@api("POST", "/projects/{id}/protected_branches")
def protect_branch(call: Call) -> Answer:
    """The branch is protected."""
    row, name = call.project(Level.MAINTAINER), call.required("name")
    if call.store.value("select 1 from protected_branches where project_id = ? and name = ?", row["id"], name):
        raise ApiError(409, f"Protected branch '{name}' already exists")
    rule = call.store.insert(
        "protected_branches", project_id=row["id"], name=name, push_level=call.integer("push_access_level", 40),
        merge_level=call.integer("merge_access_level", 40), allow_force_push=int(bool(call.flag("allow_force_push"))),
    )  # fmt: skip
    return Answer(_branch(rule), 201)


@api("PATCH", "/projects/{id}/protected_branches/{name}")
def change_branch(call: Call) -> Row:
    """Whether the branch may be rewritten is changed."""
    call.project(Level.MAINTAINER)
    rule, force = _rule(call, "protected_branches"), call.flag("allow_force_push")
    if force is not None:
        rule = call.store.update("protected_branches", rule["id"], allow_force_push=int(force))
    return _branch(rule)


@api("DELETE", "/projects/{id}/protected_branches/{name}")
def unprotect_branch(call: Call) -> Answer:
    """The branch is no longer protected."""
    call.project(Level.MAINTAINER)
    call.store.run("delete from protected_branches where id = ?", _rule(call, "protected_branches")["id"])
    return Answer(None, 204)


# ---- tags


def _tag(row: Row) -> Row:
    return {"name": row["name"], "create_access_levels": _levels(row, row["create_level"])}


@api("GET", "/projects/{id}/protected_tags")
def protected_tags(call: Call) -> Answer:
    """Protected tags."""
    return page(call, _rules(call, "protected_tags"), _tag)


@api("GET", "/projects/{id}/protected_tags/{name}")
def protected_tag(call: Call) -> Row:
    """One protected tag, or pattern of tags."""
    return _tag(_rule(call, "protected_tags"))


@api("POST", "/projects/{id}/protected_tags")
def protect_tag(call: Call) -> Answer:
    """The tag, or every tag of a pattern, is protected."""
    row, name = call.project(Level.MAINTAINER), call.required("name")
    if call.store.value("select 1 from protected_tags where project_id = ? and name = ?", row["id"], name):
        raise ApiError(409, f"Protected tag '{name}' already exists")
    level = call.integer("create_access_level", 40)
    return Answer(_tag(call.store.insert("protected_tags", project_id=row["id"], name=name, create_level=level)), 201)


@api("DELETE", "/projects/{id}/protected_tags/{name}")
def unprotect_tag(call: Call) -> Answer:
    """The tag is no longer protected."""
    call.project(Level.MAINTAINER)
    call.store.run("delete from protected_tags where id = ?", _rule(call, "protected_tags")["id"])
    return Answer(None, 204)


def _rules(call: Call, table: str) -> list[Row]:
    row = call.project(Level.DEVELOPER)
    return call.store.all(f"select * from {table} where project_id = ? order by name", row["id"])


def _rule(call: Call, table: str) -> Row:
    row = call.project(Level.DEVELOPER)
    found = call.store.one(f"select * from {table} where project_id = ? and name = ?", row["id"], call.path["name"])
    if found is None:
        raise not_found()
    return found
