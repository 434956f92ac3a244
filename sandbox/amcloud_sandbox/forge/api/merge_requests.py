"""Merge requests and their notes."""

from __future__ import annotations

import json

from amcloud_sandbox.forge import access, comments, events, forks, git, pushes, shapes
from amcloud_sandbox.forge.access import Level, level
from amcloud_sandbox.forge.api import pipelines
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter, bad_request, forbidden, not_found
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.paging import Answer, keyset, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.store import Row, now

NOTE_LIMIT = 1_000_000
STATES = ("opened", "closed", "locked", "merged")


def shape(call: Call, project: Row, row: Row) -> Row:
    """A merge request."""
    author = shapes.user(call.forge, call.forge.user(row["author_id"]))
    count = call.store.value("select count(*) from notes where merge_request_id = ? and system = 0", row["id"])
    kept = (
        "id",
        "iid",
        "project_id",
        "title",
        "description",
        "state",
        "created_at",
        "updated_at",
        "merged_at",
        "closed_at",
    )
    return {
        **{name: row[name] for name in kept},
        "target_branch": row["target_branch"],
        "source_branch": row["source_branch"],
        "source_project_id": forks.source(call.forge, project, row)["id"],
        "target_project_id": project["id"],
        "author": author,
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "labels": json.loads(row["labels"]),
        "draft": bool(row["draft"]),
        "work_in_progress": bool(row["draft"]),
        "milestone": None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged" if row["state"] == "opened" else "unchecked",
        "detailed_merge_status": "mergeable" if row["state"] == "opened" else "not_open",
        "sha": row["sha"],
        "merge_commit_sha": row["merge_commit_sha"],
        "squash_commit_sha": None,
        "user_notes_count": count,
        "upvotes": 0,
        "downvotes": 0,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "reference": f"!{row['iid']}",
        "references": {
            "short": f"!{row['iid']}",
            "relative": f"!{row['iid']}",
            "full": f"{project['full_path']}!{row['iid']}",
        },
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/merge_requests/{row['iid']}",
        "has_conflicts": False,
        "blocking_discussions_resolved": True,
    }


def _full(call: Call, project: Row, row: Row) -> Row:
    repo = call.forge.config.repository(project["id"])
    target = git.resolve(repo, f"refs/heads/{row['target_branch']}")
    base = git.merge_base(repo, target, row["sha"]) if target and row["sha"] else None
    head = call.store.one(
        "select * from pipelines where project_id = ? and sha = ? order by id desc", project["id"], row["sha"]
    )
    return {
        **shape(call, project, row),
        "diff_refs": {"base_sha": base, "head_sha": row["sha"], "start_sha": target},
        "head_pipeline": pipelines.full(call, project, head) if head else None,
        "pipeline": pipelines.short(call, project, head) if head else None,
        "merge_error": None,
        "user": {"can_merge": level(call.store, call.caller, project) >= Level.MAINTAINER},
    }


def _find(call: Call, wanted: int = Level.REPORTER) -> tuple[Row, Row]:
    project = call.project(wanted)
    row = call.store.one(
        "select * from merge_requests where project_id = ? and iid = ?", project["id"], call.number("iid")
    )
    if row is None:
        raise not_found()
    return project, row


@api("GET", "/projects/{id}/merge_requests")
def merge_requests(call: Call) -> Answer:
    """Merge requests of the project, newest first."""
    project = call.project(Level.REPORTER)
    state, source, target = (
        call.choice("state", (*STATES, "all"), "all"),
        call.text("source_branch"),
        call.text("target_branch"),
    )
    labels, iids = (
        set(call.words("labels") or ()),
        call.words("iids") or [value for key, value in call.query if key == "iids[]"],
    )
    rows = call.store.all("select * from merge_requests where project_id = ?", project["id"])
    kept = [
        row
        for row in rows
        if state in {"all", row["state"]}
        and source in {None, row["source_branch"]}
        and target in {None, row["target_branch"]}
        and labels <= set(json.loads(row["labels"]))
        and (not iids or str(row["iid"]) in iids)
        and row["updated_at"] >= (call.text("updated_after") or "")
    ]
    order = call.choice("order_by", ("created_at", "updated_at", "title"), "created_at") or "created_at"
    kept.sort(key=lambda row: (row[order], row["id"]), reverse=call.text("sort", "desc") == "desc")
    return keyset(call, kept, lambda row: shape(call, project, row))


@api("POST", "/projects/{id}/merge_requests")
def create(call: Call) -> Answer:
    """A new merge request between two branches of the project, or from a fork to the project it was copied from."""
    origin = call.project(Level.DEVELOPER)
    project = _target(call, origin)
    title, source, target = call.required("title"), call.required("source_branch"), call.required("target_branch")
    heads = git.refs(call.forge.config.repository(origin["id"]))
    there = git.refs(call.forge.config.repository(project["id"]))
    if source == target and origin["id"] == project["id"]:
        raise bad_request(["You can't use same project/branch for source and target"])
    sides = (("Source", source, heads), ("Target", target, there))
    missing = [side for side, name, known in sides if f"refs/heads/{name}" not in known]
    if missing:
        raise bad_request(
            [f'{side} branch "{source if side == "Source" else target}" does not exist' for side in missing]
        )
    sql = """select iid from merge_requests where project_id = ? and state = 'opened'
             and source_branch = ? and target_branch = ?"""
    other = call.store.value(sql, project["id"], source, target)
    if other and origin["id"] == project["id"]:
        raise ApiError(
            409, {"message": [f"Another open merge request already exists for this source branch: !{other}"]}
        )
    at = now()
    with call.store.together():
        row = call.store.insert(
            "merge_requests", iid=call.store.next_iid("merge_requests", project["id"]), project_id=project["id"],
            title=title, description=call.text("description"), source_branch=source, target_branch=target,
            author_id=call.user()["id"], sha=heads[f"refs/heads/{source}"],
            labels=json.dumps(call.words("labels") or []),
            draft=int(title.lower().startswith("draft:")), created_at=at, updated_at=at,
        )  # fmt: skip
        if origin["id"] != project["id"]:
            call.store.insert("fork_requests", merge_request_id=row["id"], source_project_id=origin["id"])
    forks.bring(call.forge, project, row)
    _tell(call, project, row, "open")
    return Answer(_full(call, project, row), 201)


def _target(call: Call, origin: Row) -> Row:
    """Where the merge request is to be: the project itself, or the one that it was copied from."""
    wanted = call.integer("target_project_id")
    if wanted in {None, origin["id"]}:
        return origin
    found = call.store.one("select * from projects where id = ?", wanted)
    if found is None or forks.parent(call.forge, origin["id"]) != wanted:
        raise not_found("Project")
    access.require(call.store, call.caller, found, Level.REPORTER)
    return found


def _tell(call: Call, project: Row, row: Row, action: str) -> None:
    payload = events.merge_request(call.forge, project, row, call.user(), action=action)
    call.forge.deliveries.fire(project, "merge_request_hooks", payload)


@api("GET", "/projects/{id}/merge_requests/{iid}")
def merge_request(call: Call) -> Row:
    """One merge request."""
    return _full(call, *_find(call))


@api("PUT", "/projects/{id}/merge_requests/{iid}")
def update(call: Call) -> Row:
    """The merge request after the change; ``state_event`` closes or reopens it."""
    project, row = _find(call)
    user = call.user()
    if row["author_id"] != user["id"] and level(call.store, call.caller, project) < Level.DEVELOPER:
        raise forbidden()
    changed: Row = {
        key: call.text(key) for key in ("title", "description", "target_branch") if call.text(key) is not None
    }
    labels = json.loads(row["labels"]) if call.words("labels") is None else call.words("labels")
    kept = [label for label in labels or [] if label not in (call.words("remove_labels") or [])]
    changed["labels"] = json.dumps([*kept, *(label for label in call.words("add_labels") or [] if label not in kept)])
    event, action, at = call.choice("state_event", ("close", "reopen")), "update", now()
    if event == "close" and row["state"] == "opened":
        changed, action = {**changed, "state": "closed", "closed_at": at}, "close"
    if event == "reopen" and row["state"] == "closed":
        changed, action = {**changed, "state": "opened", "closed_at": None}, "reopen"
    row = call.store.update("merge_requests", row["id"], **changed, updated_at=at)
    _tell(call, project, row, action)
    return _full(call, project, row)


@api("PUT", "/projects/{id}/merge_requests/{iid}/merge")
def merge(call: Call) -> Row:
    """The merge request, merged by a merge commit."""
    project, row = _find(call, Level.DEVELOPER)
    user, repo = call.user(), call.forge.config.repository(project["id"])
    if row["state"] != "opened" or row["draft"]:
        raise ApiError(405, "405 Method Not Allowed")
    expected = call.text("sha")
    if expected and expected != row["sha"]:
        raise ApiError(409, "SHA does not match HEAD of source branch: " + row["sha"])
    target = git.resolve(repo, f"refs/heads/{row['target_branch']}")
    if target is None:
        raise ApiError(422, "Branch cannot be merged")
    message = (
        call.text("merge_commit_message") or f"Merge branch '{row['source_branch']}' into '{row['target_branch']}'"
    )
    sha = _merge_commit(call, project, row, target=target, user=user, message=message)
    ref = f"refs/heads/{row['target_branch']}"
    git.git(repo, "update-ref", ref, sha, target)
    at = now()
    row = call.store.update(
        "merge_requests", row["id"], state="merged", merged_at=at, updated_at=at, merge_commit_sha=sha
    )
    _tell(call, project, row, "merge")
    pushes.received(call.forge, project, (Change(ref, target, sha),), user)
    if call.flag("should_remove_source_branch"):
        source = f"refs/heads/{row['source_branch']}"
        git.git(repo, "update-ref", "-d", source)
        pushes.received(call.forge, project, (Change(source, row["sha"], NO_SHA),), user)
    return _full(call, project, row)


def _merge_commit(call: Call, project: Row, row: Row, *, target: str, user: Row, message: str) -> str:
    """The new merge commit's id; merged without a work tree, so conflicts are refused as GitLab refuses them."""
    repo = call.forge.config.repository(project["id"])
    try:
        tree = git.git(repo, "merge-tree", "--write-tree", target, row["sha"]).decode().split("\n", 1)[0]
    except git.GitError:
        raise ApiError(422, "Branch cannot be merged") from None
    identity = ["-c", f"user.name={user['name']}", "-c", f"user.email={user['email']}"]
    return git.git(repo, *identity, "commit-tree", tree, "-p", target, "-p", row["sha"], "-m", message).decode().strip()


@api("GET", "/projects/{id}/merge_requests/{iid}/commits")
def commits(call: Call) -> Answer:
    """Commits of the merge request, newest first."""
    project, row = _find(call)
    repo = call.forge.config.repository(project["id"])
    found = git.log(repo, row["sha"], "--not", f"refs/heads/{row['target_branch']}", count=1000)
    return page(
        call, [{"commit": item} for item in found], lambda item: shapes.commit(call.forge, project, item["commit"])
    )


@api("GET", "/projects/{id}/merge_requests/{iid}/pipelines")
def request_pipelines(call: Call) -> Answer:
    """Pipelines of the merge request's head commit."""
    project, row = _find(call)
    rows = call.store.all(
        "select * from pipelines where project_id = ? and sha = ? order by id desc", project["id"], row["sha"]
    )
    return page(call, rows, lambda item: pipelines.short(call, project, item))


# ---- notes


def _note(call: Call, project: Row, request: Row, row: Row) -> Row:
    return comments.shape(call, project, "MergeRequest", request, row)


@api("GET", "/projects/{id}/merge_requests/{iid}/notes")
def notes(call: Call) -> Answer:
    """Notes of the merge request, newest first unless sorted otherwise."""
    project, request = _find(call)
    rows = call.store.all("select * from notes where merge_request_id = ?", request["id"])
    return page(call, comments.in_order(call, rows), lambda row: _note(call, project, request, row))


def _body(call: Call) -> str:
    body = call.required("body")
    if len(body) > NOTE_LIMIT:
        raise bad_request({"note": [f"is too long (maximum is {NOTE_LIMIT} characters)"]})
    return body


@api("POST", "/projects/{id}/merge_requests/{iid}/notes")
def create_note(call: Call) -> Answer:
    """A new note."""
    project, request = _find(call)
    user, at = call.user(), now()
    row = call.store.insert(
        "notes", project_id=project["id"], merge_request_id=request["id"], author_id=user["id"], body=_body(call),
        internal=int(bool(call.flag("internal"))), created_at=at, updated_at=at,
    )  # fmt: skip
    request = call.store.update("merge_requests", request["id"], updated_at=at)
    pushes.touch(call.forge, project)
    call.forge.deliveries.fire(project, "note_hooks", events.note(call.forge, project, request, row, user))
    return Answer(_note(call, project, request, row), 201)


def _find_note(call: Call) -> tuple[Row, Row, Row]:
    project, request = _find(call)
    row = call.store.one(
        "select * from notes where id = ? and merge_request_id = ?", call.number("note_id"), request["id"]
    )
    if row is None:
        raise not_found()
    return project, request, row


@api("GET", "/projects/{id}/merge_requests/{iid}/notes/{note_id}")
def note(call: Call) -> Row:
    """One note."""
    return _note(call, *_find_note(call))


@api("PUT", "/projects/{id}/merge_requests/{iid}/notes/{note_id}")
def edit_note(call: Call) -> Row:
    """The note with another body."""
    project, request, row = _find_note(call)
    user = call.user()
    if row["author_id"] != user["id"] and level(call.store, call.caller, project) < Level.MAINTAINER:
        raise forbidden()
    if call.text("body") is None:
        raise bad_parameter("body is missing")
    row = call.store.update("notes", row["id"], body=_body(call), updated_at=now())
    request = call.store.update("merge_requests", request["id"], updated_at=row["updated_at"])
    call.forge.deliveries.fire(project, "note_hooks", events.note(call.forge, project, request, row, user))
    return _note(call, project, request, row)


@api("DELETE", "/projects/{id}/merge_requests/{iid}/notes/{note_id}")
def delete_note(call: Call) -> Answer:
    """The note is gone."""
    project, _, row = _find_note(call)
    if row["author_id"] != call.user()["id"] and level(call.store, call.caller, project) < Level.MAINTAINER:
        raise forbidden()
    call.store.run("delete from notes where id = ?", row["id"])
    return Answer(None, 204)
