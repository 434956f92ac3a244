"""CI variables of the instance, of groups and of projects."""

from __future__ import annotations

import re

from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import bad_request, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row

KEY = re.compile(r"^[A-Za-z0-9_]{1,255}$")
VALUE_LIMIT = 10_000
WHERE = "scope = ? and scope_id = ?"


def _scope(call: Call, kind: str) -> tuple[str, int]:
    if kind == "instance":
        call.admin()
        return kind, 0
    row = call.project(Level.MAINTAINER) if kind == "project" else call.group(Level.OWNER)
    return kind, row["id"]


def _shape(row: Row) -> Row:
    return {
        "variable_type": row["variable_type"],
        "key": row["key"],
        "value": row["value"],
        "protected": bool(row["protected"]),
        "masked": bool(row["masked"]),
        "hidden": False,
        "raw": bool(row["raw"]),
        "environment_scope": row["environment_scope"],
        "description": row["description"],
    }


def _columns(call: Call) -> Row:
    columns: Row = {
        key: int(bool(call.flag(key))) for key in ("protected", "masked", "raw") if call.flag(key) is not None
    }
    columns |= {key: call.text(key) for key in ("description", "environment_scope") if call.text(key) is not None}
    kind = call.choice("variable_type", ("env_var", "file"))
    value = call.text("value")
    if value is not None and len(value) > VALUE_LIMIT:
        raise bad_request({"value": [f"is too long (maximum is {VALUE_LIMIT} characters)"]})
    return {**columns, **({"variable_type": kind} if kind else {}), **({"value": value} if value is not None else {})}


def _list(call: Call, kind: str) -> Answer:
    return page(
        call, call.store.all(f"select * from variables where {WHERE} order by key", *_scope(call, kind)), _shape
    )


def _create(call: Call, kind: str) -> Answer:
    scope, key = _scope(call, kind), call.required("key")
    if not KEY.match(key):
        raise bad_request({"key": ["can contain only letters, digits and '_'."]})
    columns = {"value": "", "environment_scope": "*", **_columns(call)}
    sql = f"select 1 from variables where {WHERE} and key = ? and environment_scope = ?"
    if call.store.value(sql, *scope, key, columns["environment_scope"]):
        raise bad_request({"key": [f"({key}) has already been taken"]})
    return Answer(_shape(call.store.insert("variables", scope=scope[0], scope_id=scope[1], key=key, **columns)), 201)


def _find(call: Call, kind: str) -> tuple[tuple[str, int], Row]:
    scope = _scope(call, kind)
    row = call.store.one(f"select * from variables where {WHERE} and key = ?", *scope, call.path["key"])
    if row is None:
        raise not_found("Variable" if kind != "instance" else "InstanceVariable")
    return scope, row


def _update(call: Call, kind: str) -> Row:
    scope, row = _find(call, kind)
    columns = _columns(call)
    if columns:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        call.store.run(
            f"update variables set {assignments} where {WHERE} and key = ?", *columns.values(), *scope, row["key"]
        )
    return _shape({**row, **columns})


def _delete(call: Call, kind: str) -> Answer:
    scope, row = _find(call, kind)
    call.store.run(f"delete from variables where {WHERE} and key = ?", *scope, row["key"])
    return Answer(None, 204)


def _register(kind: str, base: str) -> None:
    api("GET", base)(lambda call: _list(call, kind))
    api("POST", base)(lambda call: _create(call, kind))
    api("GET", f"{base}/{{key}}")(lambda call: _shape(_find(call, kind)[1]))
    api("PUT", f"{base}/{{key}}")(lambda call: _update(call, kind))
    api("DELETE", f"{base}/{{key}}")(lambda call: _delete(call, kind))


_register("instance", "/admin/ci/variables")
_register("group", "/groups/{id}/variables")
_register("project", "/projects/{id}/variables")
