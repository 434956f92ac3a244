"""What runners do to the forge: take a pipeline, tell its jobs, hand in artifacts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from amcloud_sandbox.forge import access, ci
from amcloud_sandbox.forge.api.jobs import ARCHIVE, folder
from amcloud_sandbox.forge.errors import not_found
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

LOOK_AGAIN_S = 1.0


def pipeline(forge: Forge, pipeline_id: int) -> Row:
    """The pipeline.

    Raises:
        ApiError: 404.
    """
    row = forge.store.one("select * from pipelines where id = ?", pipeline_id)
    if row is None:
        raise not_found("Pipeline")
    return row


def claim(forge: Forge, runner: str, *, wait_s: float) -> Row | None:
    """The oldest pipeline that waits, now the runner's; None when none came within ``wait_s``."""
    deadline, life = time.monotonic() + wait_s, forge.runner_lives.get(runner, 0)
    while True:
        # A claim of a runner that has died since must not take a pipeline: nobody would hear the answer.
        alive = forge.runner_lives.get(runner, 0) == life
        found = _claim_now(forge, runner) if alive else None
        left = deadline - time.monotonic()
        if found is not None or left <= 0 or forge.closing.is_set() or not alive:
            return found
        with forge.pipelines_changed:
            forge.pipelines_changed.wait(min(left, LOOK_AGAIN_S))


def _claim_now(forge: Forge, runner: str) -> Row | None:
    sql = """select l.*, p.full_path from pipelines l join projects p on p.id = l.project_id
             where l.status in ('pending', 'running') and l.claimed_by is null and l.source != 'external'
             and p.archived = 0
             order by l.id"""
    with forge.store.together():
        for row in forge.store.all(sql):
            if not forge.faults.stuck(row["full_path"]):
                forge.store.update("pipelines", row["id"], claimed_by=runner)
                return _work(forge, row)
    return None


def _work(forge: Forge, row: Row) -> Row:
    project = forge.store.one("select * from projects where id = ?", row["project_id"])
    assert project is not None
    # Of an earlier claim of the same pipeline (retry): that token must not outlive its run.
    forge.store.run("delete from tokens where kind = 'job' and job_id = ?", row["id"])
    _, token = access.issue_token(
        forge.store, kind="job", name=f"pipeline {row['id']}", scopes=frozenset({"read_repository", "read_api"}),
        user_id=row["user_id"], job_id=row["id"],
    )  # fmt: skip
    waiting = [job["name"] for job in ci.jobs_of(forge, row["id"], kind="build") if job["status"] == "pending"]
    user = forge.user(row["user_id"])
    return {
        "id": row["id"],
        "iid": row["iid"],
        "project_id": project["id"],
        "project_path": project["full_path"],
        "project_name": project["name"],
        "project_path_slug": project["full_path"].replace("/", "-"),
        "default_branch": project["default_branch"],
        "ref": row["ref"],
        "tag": bool(row["tag"]),
        "sha": row["sha"],
        "before_sha": row["before_sha"],
        "source": row["source"],
        "user": {"id": user["id"], "username": user["username"], "name": user["name"], "email": user["email"]},
        "url": forge.config.url,
        "token": token,
        "jobs": waiting,
        "earlier": [
            {"id": job["id"], "name": job["name"]}
            for job in ci.jobs_of(forge, row["id"], kind="build")
            if job["status"] == "success"
        ],
        "variables": _variables(forge, project, row),
    }


def _variables(forge: Forge, project: Row, row: Row) -> list[Row]:
    """Instance, group and project variables, then the pipeline's own: a later one wins."""
    protected = forge.store.value(
        "select 1 from protected_branches where project_id = ? and name = ?", project["id"], row["ref"]
    )
    scopes = [("instance", 0)]
    group_id, above = project["group_id"], []
    while group_id is not None:
        above.append(("group", group_id))
        group_id = forge.store.value("select parent_id from groups where id = ?", group_id)
    scopes += [*reversed(above), ("project", project["id"])]
    found: dict[str, Row] = {}
    for scope, scope_id in scopes:
        for item in forge.store.all("select * from variables where scope = ? and scope_id = ?", scope, scope_id):
            if (protected or not item["protected"]) and item["environment_scope"] == "*":
                found[item["key"]] = {
                    "key": item["key"],
                    "value": item["value"],
                    "type": item["variable_type"],
                    "masked": bool(item["masked"]),
                }
    for item in json.loads(row["variables"]):
        found[item["key"]] = {
            "key": item["key"],
            "value": item["value"],
            "type": item["variable_type"],
            "masked": False,
        }
    return list(found.values())


def plan(forge: Forge, pipeline_id: int, jobs: Sequence[Any]) -> list[Row]:
    """The pipeline's jobs, made when absent: each ``{"name", "stage", "allow_failure"}``."""
    with forge.store.together():
        row = pipeline(forge, pipeline_id)
        known = {job["name"]: job for job in ci.jobs_of(forge, pipeline_id, kind="build")}
        for job in jobs:
            if job["name"] not in known:
                known[job["name"]] = ci.add_job(
                    forge, row, kind="build", name=job["name"], stage=job.get("stage", "test"), user_id=row["user_id"],
                    status="canceled" if row["cancel_requested"] else "created",
                    allow_failure=int(bool(job.get("allow_failure"))),
                )  # fmt: skip
    ci.settle(forge, pipeline_id)
    return [{name: job[name] for name in ("id", "name", "stage", "status")} for job in known.values()]


def refuse(forge: Forge, pipeline_id: int, problem: str) -> None:
    """The pipeline failed before any job: its configuration cannot be used."""
    row = pipeline(forge, pipeline_id)
    if row["status"] in ci.OPEN:
        forge.store.update("pipelines", row["id"], yaml_errors=problem[:1000])
        ci.settle(forge, row["id"])


def abandon(forge: Forge, runner: str) -> list[int]:
    """Ids of the pipelines that an earlier life of the runner left unfinished; their open jobs have failed."""
    forge.runner_lives[runner] = forge.runner_lives.get(runner, 0) + 1
    forge.wake_runners()
    rows = forge.store.all(
        "select * from pipelines where claimed_by = ? and status in ('created', 'pending', 'running')", runner
    )
    for row in rows:
        builds = ci.jobs_of(forge, row["id"], kind="build")
        if not builds:
            forge.store.update("pipelines", row["id"], claimed_by=None)  # nothing ran: it may start afresh
        for job in builds:
            ci.set_job(forge, job["id"], "failed", failure_reason="runner_system_failure")
    return [row["id"] for row in rows]


def store_artifacts(forge: Forge, job_id: int, content: bytes, *, kind: str) -> None:
    """The job has an artifact of that kind (``archive``, ``junit``…); one of the same kind is replaced."""
    place = folder(forge, job_id)
    place.mkdir(parents=True, exist_ok=True)
    name = ARCHIVE if kind == "archive" else f"{kind}.gz" if kind != "trace" else "job.log"
    (place / name).write_bytes(content)
    with forge.store.together():
        files = json.loads(forge.store.value("select artifacts from jobs where id = ?", job_id) or "[]")
        form = "zip" if kind == "archive" else "gzip"
        entry = {"file_type": kind, "size": len(content), "filename": name, "file_format": form}
        kept = [item for item in files if item["file_type"] != kind]
        forge.store.update("jobs", job_id, artifacts=json.dumps([*kept, entry]))
