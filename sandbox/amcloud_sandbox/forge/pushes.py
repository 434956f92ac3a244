"""What a push sets in motion: default branch, activity, merge requests, webhooks, pipelines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from amcloud_sandbox.forge import ci, events, forks, git
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.git import NO_SHA, Change
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row, ago, now

HOOKS_LIMIT = 3  # GitLab sends no push event when one push moves more branches (or tags) than this
PIPELINES_LIMIT = 4
SKIP = re.compile(r"\[(ci[ _-]skip|skip[ _-]ci)\]", re.IGNORECASE)


def touch(forge: Forge, project: Row) -> None:
    """The project was active now; as in GitLab, ``last_activity_at`` moves at most once an hour."""
    interval = forge.config.activity_interval_s
    sql = "update projects set last_activity_at = ? where id = ? and last_activity_at <= ?"
    forge.store.run(sql, now(), project["id"], ago(interval))


def received(forge: Forge, project: Row, changes: Sequence[Change], user: Row) -> None:
    """Everything that follows from refs that moved has been recorded, and webhooks and runners know."""
    if not changes:
        return
    _adopt_default_branch(forge, project, changes)
    touch(forge, project)
    current = forge.store.one("select * from projects where id = ?", project["id"])
    if current is None:
        return
    for prefix in ("refs/heads/", "refs/tags/"):
        moved = [change for change in changes if change.ref.startswith(prefix)]
        trigger = "push_hooks" if prefix == "refs/heads/" else "tag_push_hooks"
        if len(moved) <= HOOKS_LIMIT:
            for change in moved:
                branch = change.ref.removeprefix(prefix)
                forge.deliveries.fire(current, trigger, events.push(forge, current, change, user), branch=branch)
        for change in moved[:PIPELINES_LIMIT]:
            start_pipeline(forge, current, change, user)
    for change in changes:
        _merge_requests(forge, current, change, user)


def _adopt_default_branch(forge: Forge, project: Row, changes: Sequence[Change]) -> None:
    branches = [change.ref.removeprefix("refs/heads/") for change in changes if change.ref.startswith("refs/heads/")]
    repo = forge.config.repository(project["id"])
    existing = {ref.removeprefix("refs/heads/") for ref in git.refs(repo) if ref.startswith("refs/heads/")}
    if not existing or project["default_branch"] in existing - set(branches):
        return
    wanted = project["default_branch"]
    default = wanted if wanted in existing else sorted(existing)[0]
    if default != wanted:
        git.git(repo, "symbolic-ref", "HEAD", f"refs/heads/{default}")
        forge.store.update("projects", project["id"], default_branch=default)
    if any(change.before == NO_SHA and change.ref == f"refs/heads/{default}" for change in changes):
        protect(forge, project["id"], default)


def protect(forge: Forge, project_id: int, branch: str) -> None:
    """The branch is protected for maintainers, as GitLab protects a default branch; an existing rule stays."""
    forge.store.run(
        "insert or ignore into protected_branches (project_id, name, push_level, merge_level) values (?, ?, ?, ?)",
        project_id,
        branch,
        int(Level.MAINTAINER),
        int(Level.MAINTAINER),
    )


def start_pipeline(forge: Forge, project: Row, change: Change, user: Row) -> Row | None:
    """The pipeline of a pushed branch or tag, None when there is nothing to run."""
    sha = git.resolve(forge.config.repository(project["id"]), change.after) if change.after != NO_SHA else None
    if sha is None:
        return None
    commit = git.commit(forge.config.repository(project["id"]), sha)
    tag = change.ref.startswith("refs/tags/")
    return ci.create(
        forge,
        project,
        ref=change.ref.split("/", 2)[2],
        sha=sha,
        tag=tag,
        user=user,
        source="push",
        before=change.before,
        skipped=commit is not None and SKIP.search(commit.message) is not None,
    )


def _merge_requests(forge: Forge, project: Row, change: Change, user: Row) -> None:
    branch = change.ref.removeprefix("refs/heads/")
    sql = """select * from merge_requests where project_id = ? and state = 'opened'
             and (source_branch = ? or target_branch = ?)"""
    for row in forge.store.all(sql, project["id"], branch, branch):
        if row["source_branch"] == branch and forks.source(forge, project, row)["id"] == project["id"]:
            _source_moved(forge, project, row, change, user)
        elif row["target_branch"] == branch and change.after != NO_SHA and row["sha"]:
            _target_moved(forge, project, row, change, user)
    proposed = """select m.* from merge_requests m join fork_requests f on f.merge_request_id = m.id
                  where f.source_project_id = ? and m.state = 'opened' and m.source_branch = ?"""
    for row in forge.store.all(proposed, project["id"], branch):
        target = forge.store.one("select * from projects where id = ?", row["project_id"])
        if target is not None:
            _source_moved(forge, target, row, change, user)


def _source_moved(forge: Forge, project: Row, row: Row, change: Change, user: Row) -> None:
    at = now()
    if change.after == NO_SHA:
        row = forge.store.update("merge_requests", row["id"], state="closed", closed_at=at, updated_at=at)
        action, oldrev = "close", None
    else:
        row = forge.store.update("merge_requests", row["id"], sha=change.after, updated_at=at)
        forks.bring(forge, project, row)
        action, oldrev = "update", change.before
    payload = events.merge_request(forge, project, row, user, action=action, oldrev=oldrev)
    forge.deliveries.fire(project, "merge_request_hooks", payload)


def _target_moved(forge: Forge, project: Row, row: Row, change: Change, user: Row) -> None:
    repo = forge.config.repository(project["id"])
    if git.merge_base(repo, row["sha"], change.after) != row["sha"] or row["sha"] == change.before:
        return
    at = now()
    columns = {"state": "merged", "merged_at": at, "updated_at": at, "merge_commit_sha": change.after}
    row = forge.store.update("merge_requests", row["id"], **columns)
    forge.deliveries.fire(
        project, "merge_request_hooks", events.merge_request(forge, project, row, user, action="merge")
    )
