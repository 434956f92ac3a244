"""Pipelines, jobs and commit statuses: how they are made and how they move, by GitLab's state machine.

A commit status belongs to the newest pipeline of its commit, as in GitLab: the pipeline's own status counts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import yaml

from amcloud_sandbox.forge import events, git
from amcloud_sandbox.forge.errors import ApiError, bad_request, forbidden
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row, now

CONFIG_FILE = ".gitlab-ci.yml"
CONFIG_LIMIT = 1_048_576
OPEN = ("created", "pending", "running")
FINAL = ("success", "failed", "canceled", "skipped")
EVENTS = {
    "pending": "enqueue",
    "running": "run",
    "success": "success",
    "failed": "drop",
    "canceled": "cancel",
    "skipped": "skip",
}
FROM = {
    "enqueue": ("created", "skipped"),
    "run": ("pending",),
    "success": OPEN,
    "drop": OPEN,
    "cancel": OPEN,
    "skip": ("created", "pending"),
}


def move(state: str, wanted: str) -> str:
    """The state after asking for ``wanted`` from ``state``.

    Raises:
        ApiError: 400 in GitLab's words, the machine has no such transition.
    """
    if wanted == "running" and state == "created":
        state = "pending"  # the API enqueues first
    event = EVENTS[wanted]
    if state not in FROM[event]:
        raise bad_request(
            f'Cannot transition status via :{event} from :{state} (Reason(s): Status cannot transition via "{event}")'
        )
    return wanted


def composite(jobs: Iterable[tuple[str, bool]]) -> str | None:
    """Status of a pipeline whose jobs have these (status, allowed to fail); None without jobs."""
    states = {"ignored" if allowed and state in {"failed", "canceled"} else state for state, allowed in jobs}
    if not states:
        return None
    table = (
        ({"skipped"}, "skipped"),
        ({"success", "skipped", "ignored"}, "success"),
        ({"created", "skipped", "ignored"}, "created"),
        ({"canceled", "success", "skipped", "ignored"}, "canceled"),
        ({"pending", "created", "skipped", "ignored"}, "pending"),
    )
    found = next((answer for allowed, answer in table if states <= allowed), None)
    if found:
        return found
    return "running" if states & set(OPEN) else "failed"


def times(state: str, row: Row) -> dict[str, str | None]:
    """Columns that entering ``state`` sets."""
    changed: dict[str, str | None] = {}
    if state in {"running", "success", "failed"} and not row["started_at"]:
        changed["started_at"] = now()
    return {**changed, "finished_at": now()} if state in FINAL else changed


def jobs_of(forge: Forge, pipeline_id: int, *, kind: str | None = None, retried: bool = False) -> list[Row]:
    """Jobs and statuses of the pipeline, oldest first."""
    rows = forge.store.all("select * from jobs where pipeline_id = ? order by id", pipeline_id)
    return [row for row in rows if (retried or not row["retried"]) and kind in {None, row["kind"]}]


def settle(forge: Forge, pipeline_id: int) -> Row:
    """The pipeline after its status followed its jobs; a change is told to webhooks."""
    with forge.store.together():
        row = _pipeline(forge, pipeline_id)
        jobs = jobs_of(forge, pipeline_id)
        states = [(job["status"], bool(job["allow_failure"])) for job in jobs]
        waiting = (
            row["source"] != "external" and row["status"] in OPEN and not any(job["kind"] == "build" for job in jobs)
        )
        status = composite([*states, ("pending", False)] if waiting else states)
        status = "failed" if row["yaml_errors"] else status
        if status is None or status == row["status"]:
            return row
        changed: dict[str, str | None] = {"status": status, "updated_at": now(), **times(status, row)}
        if status not in FINAL:
            changed["finished_at"] = None  # a later status opened it again
        row = forge.store.update("pipelines", pipeline_id, **changed)
    tell(forge, row)
    return row


def tell(forge: Forge, row: Row) -> None:
    """Webhooks learn the pipeline's status."""
    project = forge.store.one("select * from projects where id = ?", row["project_id"])
    if project is not None:
        forge.deliveries.fire(
            project, "pipeline_hooks", events.pipeline(forge, project, row, jobs_of(forge, row["id"]))
        )


def _pipeline(forge: Forge, pipeline_id: int) -> Row:
    row = forge.store.one("select * from pipelines where id = ?", pipeline_id)
    assert row is not None
    return row


def configuration(forge: Forge, project: Row, sha: str) -> tuple[bool, str | None]:
    """Whether the commit has a CI file, and what is wrong with its YAML (includes are the runner's to resolve)."""
    path = project["ci_config_path"] or CONFIG_FILE
    content = git.blob(forge.config.repository(project["id"]), sha, path)
    if content is None:
        return False, None
    try:
        parsed = yaml.load(content[:CONFIG_LIMIT], Loader=CiLoader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return True, f"({path}): {str(error)[:400]}"
    return True, None if isinstance(parsed, dict) and parsed else "Please provide content of .gitlab-ci.yml"


class CiLoader(yaml.SafeLoader):
    """YAML with GitLab's ``!reference``."""


CiLoader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node, deep=True))  # type: ignore[arg-type]


def create(
    forge: Forge,
    project: Row,
    *,
    ref: str,
    sha: str,
    tag: bool,
    user: Row,
    source: str,
    before: str = git.NO_SHA,
    variables: Sequence[Row] = (),
    skipped: bool = False,
) -> Row | None:
    """The new pipeline, which runners see at once; None when the commit has no CI file or the project no CI."""
    exists, problem = configuration(forge, project, sha)
    if not exists or not project["jobs_enabled"] or project["archived"]:
        return None
    status = "skipped" if skipped else "failed" if problem else "pending"
    row = insert(
        forge, project, ref=ref, sha=sha, tag=tag, user=user, source=source, before=before, status=status,
        variables=variables, yaml_errors=problem,
    )  # fmt: skip
    tell(forge, row)
    forge.wake_runners()
    return row


def insert(
    forge: Forge,
    project: Row,
    *,
    ref: str,
    sha: str,
    user: Row,
    source: str,
    status: str,
    tag: bool = False,
    before: str = git.NO_SHA,
    variables: Sequence[Row] = (),
    yaml_errors: str | None = None,
) -> Row:
    """The new row of pipelines."""
    at = now()
    with forge.store.together():
        return forge.store.insert(
            "pipelines",
            iid=forge.store.next_iid("pipelines", project["id"]),
            project_id=project["id"],
            sha=sha,
            ref=ref,
            tag=int(tag),
            before_sha=before,
            status=status,
            source=source,
            user_id=user["id"],
            variables=json.dumps(list(variables)),
            yaml_errors=yaml_errors,
            created_at=at,
            updated_at=at,
            finished_at=at if status in FINAL else None,
        )


def add_job(
    forge: Forge, pipeline: Row, *, kind: str, name: str, stage: str, user_id: int, status: str, **more: Any
) -> Row:
    """A new job (``build``) or commit status (``status``); older ones of that name count as retried."""
    with forge.store.together():
        row = forge.store.insert(
            "jobs",
            project_id=pipeline["project_id"],
            pipeline_id=pipeline["id"],
            kind=kind,
            name=name,
            stage=stage,
            ref=pipeline["ref"],
            sha=pipeline["sha"],
            status=status,
            user_id=user_id,
            created_at=now(),
            **more,
        )
        sql = "update jobs set retried = 1 where pipeline_id = ? and name = ? and id < ?"
        forge.store.run(sql, pipeline["id"], name, row["id"])
    return row


def set_job(forge: Forge, job_id: int, status: str, *, failure_reason: str | None = None) -> Row:
    """The job in its new state; a job that is over stays as it is."""
    with forge.store.together():
        row = forge.store.one("select * from jobs where id = ?", job_id)
        assert row is not None
        if row["status"] in FINAL or row["status"] == status:
            return row
        reason = failure_reason if status == "failed" else None
        row = forge.store.update("jobs", job_id, status=status, failure_reason=reason, **times(status, row))
    settle(forge, row["pipeline_id"])
    return row


def cancel(forge: Forge, pipeline: Row) -> Row:
    """The pipeline, its open jobs canceled; the runner that has it ends it soon."""
    with forge.store.together():
        forge.store.update("pipelines", pipeline["id"], cancel_requested=1)
        jobs = jobs_of(forge, pipeline["id"], kind="build")
        for job in jobs:
            if job["status"] in OPEN:
                forge.store.update("jobs", job["id"], status="canceled", **times("canceled", job))
        if not jobs and pipeline["status"] in OPEN:
            changed = {"status": "canceled", "updated_at": now(), "finished_at": now()}
            row = forge.store.update("pipelines", pipeline["id"], **changed)
            tell(forge, row)
            return row
    return settle(forge, pipeline["id"])


def retry(forge: Forge, pipeline: Row, user: Row, *, only: Sequence[str] | None = None) -> Row:
    """The pipeline, waiting for a runner again with its failed, canceled and skipped jobs (or those named ``only``)."""
    with forge.store.together():
        old = jobs_of(forge, pipeline["id"], kind="build")
        again = [
            job for job in old if (job["name"] in only if only else job["status"] in {"failed", "canceled", "skipped"})
        ]
        if only is None and not again and old:
            return pipeline
        for job in again:
            add_job(
                forge, pipeline, kind="build", name=job["name"], stage=job["stage"], user_id=user["id"],
                status="pending", allow_failure=job["allow_failure"],
            )  # fmt: skip
        changed = {
            "claimed_by": None,
            "cancel_requested": 0,
            "yaml_errors": None,
            "updated_at": now(),
            "finished_at": None,
        }
        row = forge.store.update("pipelines", pipeline["id"], status="pending", **changed)
    tell(forge, row)
    forge.wake_runners()
    return row


def post_status(
    forge: Forge,
    project: Row,
    sha: str,
    user: Row,
    *,
    ref: str | None,
    pipeline_id: int | None,
    name: str,
    state: str,
    allowed: Callable[[str, bool], bool],
    **optional: Any,
) -> Row:
    """The commit status after GitLab's find-or-make; see :func:`move` for what it refuses.

    ``allowed``: whether the user may touch pipelines of a ref, which is a tag or not.

    Raises:
        ApiError: 400 a transition that the machine lacks, 403 not allowed on that ref, 404 the commit is on no branch,
            or no such pipeline.
    """
    repo = forge.config.repository(project["id"])
    with forge.store.together():
        pipeline = _newest(forge, project, sha, ref, pipeline_id)
        if pipeline_id and pipeline is None:
            raise ApiError(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
        branch = ref or (pipeline["ref"] if pipeline else next(iter(git.branches_containing(repo, sha)), None))
        if branch is None:
            raise ApiError(404, "404 References for commit Not Found")
        if not allowed(branch, bool(pipeline and pipeline["tag"])):
            raise forbidden()
        if pipeline is None:
            pipeline = insert(forge, project, ref=branch, sha=sha, user=user, source="external", status="pending")
        sql = """select * from jobs where pipeline_id = ? and kind = 'status' and name = ? and ref = ? and user_id = ?
                 and status in ('pending', 'running') and retried = 0"""
        row = forge.store.one(sql, pipeline["id"], name, branch, user["id"])
        entered = move(row["status"] if row else "created", state)
        given = {key: value for key, value in optional.items() if value is not None}
        if row is None:
            fresh = {"started_at": None}
            row = add_job(
                forge, {**pipeline, "ref": branch}, kind="status", name=name, stage="external", user_id=user["id"],
                status=entered, failure_reason="api_failure" if entered == "failed" else None,
                **{**times(entered, fresh), **given},
            )  # fmt: skip
        else:
            row = forge.store.update("jobs", row["id"], status=entered, **{**times(entered, row), **given})
    settle(forge, pipeline["id"])
    return row


def _newest(forge: Forge, project: Row, sha: str, ref: str | None, pipeline_id: int | None) -> Row | None:
    rows = forge.store.all(
        "select * from pipelines where project_id = ? and sha = ? order by id desc", project["id"], sha
    )
    return next(
        (row for row in rows if ref in {None, row["ref"]} and pipeline_id in {None, row["id"]}),
        None,
    )
