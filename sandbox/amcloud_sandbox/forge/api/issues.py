"""Labels, issues and their comments: enough for a program to open and follow them."""

from __future__ import annotations

import json

from amcloud_sandbox.forge import comments, events, pushes, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, not_found
from amcloud_sandbox.forge.paging import Answer, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now


def _label(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "description_html": row["description"] or "",
        "text_color": "#FFFFFF",
        "color": row["color"],
        "subscribed": False,
        "priority": None,
        "is_project_label": True,
        "archived": False,
    }


@api("GET", "/projects/{id}/labels")
def labels(call: Call) -> Answer:
    """Labels of the project by name."""
    project = call.project()
    return page(call, call.store.all("select * from labels where project_id = ? order by name", project["id"]), _label)


@api("POST", "/projects/{id}/labels")
def create_label(call: Call) -> Answer:
    """A new label."""
    project = call.project(Level.REPORTER)
    name, color = call.required("name"), call.required("color")
    if call.store.value("select 1 from labels where project_id = ? and name = ?", project["id"], name):
        raise ApiError(409, "Label already exists")
    row = call.store.insert(
        "labels", project_id=project["id"], name=name, color=color, description=call.text("description")
    )
    return Answer(_label(row), 201)


def _issue(call: Call, project: Row, row: Row) -> Row:
    kept = ("id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "closed_at")
    count = call.store.value("select count(*) from issue_notes where issue_id = ? and system = 0", row["id"])
    return {
        **{name: row[name] for name in kept},
        "labels": json.loads(row["labels"]),
        "author": shapes.user(call.forge, call.forge.user(row["author_id"])),
        "assignees": [],
        "assignee": None,
        "milestone": None,
        "type": "ISSUE",
        "issue_type": "issue",
        "confidential": False,
        "user_notes_count": count,
        "due_date": None,
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/issues/{row['iid']}",
        "references": {
            "short": f"#{row['iid']}",
            "relative": f"#{row['iid']}",
            "full": f"{project['full_path']}#{row['iid']}",
        },
    }


@api("GET", "/projects/{id}/issues")
def issues(call: Call) -> Answer:
    """Issues of the project, newest first."""
    project, state = call.project(), call.choice("state", ("opened", "closed", "all"), "all")
    labels_wanted, search = set(call.words("labels") or ()), (call.text("search") or "").lower()
    rows = call.store.all("select * from issues where project_id = ? order by id desc", project["id"])
    kept = [
        row
        for row in rows
        if state in {"all", row["state"]}
        and labels_wanted <= set(json.loads(row["labels"]))
        and search in f"{row['title']} {row['description']}".lower()
    ]
    return page(call, kept, lambda row: _issue(call, project, row))


@api("POST", "/projects/{id}/issues")
def create_issue(call: Call) -> Answer:
    """A new issue."""
    project, user, at = call.project(), call.user(), now()
    with call.store.together():
        row = call.store.insert(
            "issues", iid=call.store.next_iid("issues", project["id"]), project_id=project["id"],
            title=call.required("title"), description=call.text("description"),
            author_id=user["id"], labels=json.dumps(call.words("labels") or []),
            created_at=at, updated_at=at,
        )  # fmt: skip
    _tell(call, project, row, "open")
    return Answer(_issue(call, project, row), 201)


def _tell(call: Call, project: Row, row: Row, action: str) -> None:
    payload = events.issue(call.forge, project, row, call.user(), action=action)
    call.forge.deliveries.fire(project, "issues_hooks", payload)


def _find(call: Call) -> tuple[Row, Row]:
    project = call.project()
    row = call.store.one("select * from issues where project_id = ? and iid = ?", project["id"], call.number("iid"))
    if row is None:
        raise not_found("Issue")
    return project, row


@api("GET", "/projects/{id}/issues/{iid}")
def issue(call: Call) -> Row:
    """One issue."""
    return _issue(call, *_find(call))


@api("PUT", "/projects/{id}/issues/{iid}")
def update_issue(call: Call) -> Row:
    """The issue after the change; ``state_event`` closes or reopens it."""
    project, row = _find(call)
    call.project(Level.REPORTER)
    changed: Row = {key: call.text(key) for key in ("title", "description") if call.text(key) is not None}
    labels = json.loads(row["labels"]) if call.words("labels") is None else call.words("labels")
    kept = [label for label in labels or [] if label not in (call.words("remove_labels") or [])]
    changed["labels"] = json.dumps([*kept, *(label for label in call.words("add_labels") or [] if label not in kept)])
    event = call.choice("state_event", ("close", "reopen"))
    if event:
        changed |= (
            {"state": "closed", "closed_at": now()} if event == "close" else {"state": "opened", "closed_at": None}
        )
    row = call.store.update("issues", row["id"], **changed, updated_at=now())
    _tell(call, project, row, event or "update")
    return _issue(call, project, row)


# ---- comments


def _note(call: Call, project: Row, issue: Row, row: Row) -> Row:
    return comments.shape(call, project, "Issue", issue, row)


@api("GET", "/projects/{id}/issues/{iid}/notes")
def notes(call: Call) -> Answer:
    """Comments of the issue, newest first unless sorted otherwise."""
    project, issue = _find(call)
    rows = call.store.all("select * from issue_notes where issue_id = ?", issue["id"])
    return page(call, comments.in_order(call, rows), lambda row: _note(call, project, issue, row))


@api("POST", "/projects/{id}/issues/{iid}/notes")
def create_note(call: Call) -> Answer:
    """A new comment; the issue has changed by it."""
    project, issue = _find(call)
    user, at = call.user(), now()
    row = call.store.insert(
        "issue_notes", project_id=project["id"], issue_id=issue["id"], author_id=user["id"],
        body=call.required("body"), internal=int(bool(call.flag("internal"))), created_at=at, updated_at=at,
    )  # fmt: skip
    issue = call.store.update("issues", issue["id"], updated_at=at)
    pushes.touch(call.forge, project)
    call.forge.deliveries.fire(project, "note_hooks", events.issue_note(call.forge, project, issue, row, user))
    return Answer(_note(call, project, issue, row), 201)
