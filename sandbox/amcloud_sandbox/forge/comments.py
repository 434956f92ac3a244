"""Comments of an issue or a merge request: the same shape and order for both."""

from __future__ import annotations

from amcloud_sandbox.forge import shapes
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.store import Row


def shape(call: Call, project: Row, kind: str, target: Row, row: Row) -> Row:
    """The comment as the API shows it; ``kind`` is GitLab's name of what it comments."""
    return {
        "id": row["id"],
        "type": None,
        "body": row["body"],
        "attachment": None,
        "author": shapes.user(call.forge, call.forge.user(row["author_id"])),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "system": bool(row["system"]),
        "noteable_id": target["id"],
        "noteable_type": kind,
        "project_id": project["id"],
        "noteable_iid": target["iid"],
        "resolvable": False,
        "confidential": bool(row["internal"]),
        "internal": bool(row["internal"]),
        "imported": False,
        "imported_from": "none",
        "commands_changes": {},
    }


def in_order(call: Call, rows: list[Row]) -> list[Row]:
    """Newest first, unless the request sorts otherwise."""
    order = call.choice("order_by", ("created_at", "updated_at"), "created_at") or "created_at"
    newest_first = call.choice("sort", ("asc", "desc"), "desc") == "desc"
    return sorted(rows, key=lambda row: (row[order], row["id"]), reverse=newest_first)
