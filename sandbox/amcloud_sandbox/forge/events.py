"""What webhooks say: GitLab's payloads, built from the forge's state."""

from __future__ import annotations

from typing import Any

from amcloud_sandbox.forge import forks, git, shapes
from amcloud_sandbox.forge.access import VISIBILITIES
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

COMMITS_SHOWN = 20


def _hook_user(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "username": row["username"],
        "avatar_url": None,
        "email": "[REDACTED]",
    }


def push(forge: Forge, project: Row, change: Change, user: Row) -> Row:
    """A push or tag push event."""
    repo = forge.config.repository(project["id"])
    tag = change.ref.startswith("refs/tags/")
    shown = shapes.hook_project(forge, project)
    commits, total = _commits(forge, project, change) if not tag else ([], 0)
    kind = "tag_push" if tag else "push"
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": change.before,
        "after": change.after,
        "ref": change.ref,
        "ref_protected": _protected(forge, project, change.ref),
        "checkout_sha": git.resolve(repo, change.after) if change.after != NO_SHA else None,
        "message": None,
        "user_id": user["id"],
        "user_name": user["name"],
        "user_username": user["username"],
        "user_email": "",
        "user_avatar": None,
        "project_id": project["id"],
        "project": shown,
        "commits": commits,
        "total_commits_count": total,
        "push_options": {},
        "repository": {
            "name": shown["name"],
            "url": shown["url"],
            "description": shown["description"],
            "homepage": shown["homepage"],
            "git_http_url": shown["git_http_url"],
            "git_ssh_url": shown["git_ssh_url"],
            "visibility_level": VISIBILITIES[project["visibility"]],
        },
    }


def _protected(forge: Forge, project: Row, ref: str) -> bool:
    sql = "select 1 from protected_branches where project_id = ? and 'refs/heads/' || name = ?"
    return forge.store.value(sql, project["id"], ref) is not None


def _commits(forge: Forge, project: Row, change: Change) -> tuple[list[Row], int]:
    if change.after == NO_SHA:
        return [], 0
    repo = forge.config.repository(project["id"])
    if change.before != NO_SHA:
        span = [f"{change.before}..{change.after}"]
    elif change.ref == f"refs/heads/{project['default_branch']}":
        span = [change.after]
    else:
        span = [change.after, "--not", f"refs/heads/{project['default_branch']}"]
    total = int(git.git(repo, "rev-list", "--count", *span))
    found = git.log(repo, *span, count=COMMITS_SHOWN)
    return [hook_commit(forge, project, commit) for commit in reversed(found)], total


def hook_commit(forge: Forge, project: Row, commit: git.Commit) -> Row:
    """A commit as push events write it."""
    return {
        "id": commit.id,
        "message": commit.message,
        "title": commit.title,
        "timestamp": commit.authored,
        "url": f"{forge.config.url}/{project['full_path']}/-/commit/{commit.id}",
        "author": {"name": commit.author_name, "email": commit.author_email},
        **git.touched(forge.config.repository(project["id"]), commit.id),
    }


def _last_commit(forge: Forge, project: Row, sha: str | None) -> Row | None:
    found = git.commit(forge.config.repository(project["id"]), sha) if sha else None
    if found is None:
        return None
    shown = hook_commit(forge, project, found)
    return {name: shown[name] for name in ("id", "message", "title", "timestamp", "url", "author")}


def merge_request(forge: Forge, project: Row, row: Row, user: Row, *, action: str, oldrev: str | None = None) -> Row:
    """A merge-request event; ``oldrev`` when new commits came."""
    origin = forks.source(forge, project, row)
    shown = shapes.hook_project(forge, project)
    attributes: dict[str, Any] = {
        "id": row["id"],
        "iid": row["iid"],
        "target_branch": row["target_branch"],
        "source_branch": row["source_branch"],
        "source_project_id": origin["id"],
        "target_project_id": project["id"],
        "author_id": row["author_id"],
        "title": row["title"],
        "description": row["description"],
        "state": row["state"],
        "draft": bool(row["draft"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "merge_commit_sha": row["merge_commit_sha"],
        "merge_status": "can_be_merged",
        "url": f"{forge.config.url}/{project['full_path']}/-/merge_requests/{row['iid']}",
        "source": shapes.hook_project(forge, origin),
        "target": shown,
        "last_commit": _last_commit(forge, project, row["sha"]),
        "action": action,
    }
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": _hook_user(user),
        "project": shown,
        "repository": {name: shown[name] for name in ("name", "url", "description", "homepage")},
        "object_attributes": {**attributes, **({"oldrev": oldrev} if oldrev else {})},
        "labels": [],
        "changes": {},
        "assignees": [],
        "reviewers": [],
    }


def _note(project: Row, kind: str, commented_id: int, row: Row, url: str) -> Row:
    return {
        "id": row["id"],
        "note": row["body"],
        "noteable_type": kind,
        "noteable_id": commented_id,
        "author_id": row["author_id"],
        "project_id": project["id"],
        "system": bool(row["system"]),
        "internal": bool(row["internal"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "action": "create" if row["created_at"] == row["updated_at"] else "update",
        "url": f"{url}#note_{row['id']}",
    }


def note(forge: Forge, project: Row, request: Row, row: Row, user: Row) -> Row:
    """A comment event on a merge request."""
    whole = merge_request(forge, project, request, user, action="")
    return {
        "object_kind": "note",
        "event_type": "note",
        "user": _hook_user(user),
        "project_id": project["id"],
        "project": whole["project"],
        "repository": whole["repository"],
        "object_attributes": _note(project, "MergeRequest", request["id"], row, whole["object_attributes"]["url"]),
        "merge_request": {name: value for name, value in whole["object_attributes"].items() if name != "action"},
    }


def issue(forge: Forge, project: Row, row: Row, user: Row, *, action: str) -> Row:
    """An issue event."""
    shown = shapes.hook_project(forge, project)
    return {
        "object_kind": "issue",
        "event_type": "issue",
        "user": _hook_user(user),
        "project": shown,
        "repository": {name: shown[name] for name in ("name", "url", "description", "homepage")},
        "object_attributes": {**_issue(forge, project, row), "action": action},
        "labels": [],
        "changes": {},
        "assignees": [],
    }


def _issue(forge: Forge, project: Row, row: Row) -> Row:
    kept = ("id", "iid", "project_id", "title", "description", "state", "author_id", "created_at", "updated_at")
    return {
        **{name: row[name] for name in (*kept, "closed_at")},
        "confidential": False,
        "url": f"{forge.config.url}/{project['full_path']}/-/issues/{row['iid']}",
    }


def issue_note(forge: Forge, project: Row, commented: Row, row: Row, user: Row) -> Row:
    """A comment event on an issue."""
    whole = issue(forge, project, commented, user, action="")
    return {
        **{name: whole[name] for name in ("user", "project", "repository")},
        "object_kind": "note",
        "event_type": "note",
        "project_id": project["id"],
        "object_attributes": _note(project, "Issue", commented["id"], row, whole["object_attributes"]["url"]),
        "issue": {name: value for name, value in whole["object_attributes"].items() if name != "action"},
    }


def pipeline(forge: Forge, project: Row, row: Row, jobs: list[Row]) -> Row:
    """A pipeline event."""
    stages = list(dict.fromkeys(job["stage"] for job in jobs))
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": row["id"],
            "iid": row["iid"],
            "name": None,
            "ref": row["ref"],
            "tag": bool(row["tag"]),
            "sha": row["sha"],
            "before_sha": row["before_sha"],
            "source": row["source"],
            "status": row["status"],
            "detailed_status": row["status"],
            "stages": stages,
            "created_at": row["created_at"],
            "finished_at": row["finished_at"],
            "duration": None,
            "queued_duration": None,
            "url": f"{forge.config.url}/{project['full_path']}/-/pipelines/{row['id']}",
        },
        "merge_request": None,
        "user": _hook_user(forge.user(row["user_id"])),
        "project": shapes.hook_project(forge, project),
        "commit": _last_commit(forge, project, row["sha"]),
        "builds": [_build(forge, job) for job in jobs],
    }


def _build(forge: Forge, job: Row) -> Row:
    kept = ("id", "stage", "name", "status", "created_at", "started_at", "finished_at", "failure_reason")
    return {
        **{name: job[name] for name in kept},
        "when": "on_success",
        "manual": False,
        "allow_failure": bool(job["allow_failure"]),
        "user": _hook_user(forge.user(job["user_id"])),
        "runner": None,
        "artifacts_file": {"filename": None, "size": None},
        "environment": None,
    }
