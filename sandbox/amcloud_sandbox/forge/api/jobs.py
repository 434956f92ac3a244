"""Jobs: state, trace, artifacts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from starlette.responses import FileResponse, Response

from amcloud_sandbox.forge import ci, git, shapes
from amcloud_sandbox.forge.access import Level
from amcloud_sandbox.forge.api import pipelines, runners
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import forbidden, not_found
from amcloud_sandbox.forge.paging import Answer, keyset, page
from amcloud_sandbox.forge.routing import api
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row, now

ARCHIVE, TRACE = "artifacts.zip", "trace.log"
FILE_LIMIT = 64 * 1024 * 1024


def folder(forge: Forge, job_id: int) -> Path:
    """Where the job's trace and artifacts are."""
    return forge.config.artifacts / str(job_id)


def shape(call: Call, project: Row, pipeline: Row, row: Row) -> Row:
    """A job."""
    files = json.loads(row["artifacts"])
    archive = next((item for item in files if item["file_type"] == "archive"), None)
    end = row["finished_at"] or (now() if row["status"] == "running" else None)
    shown: Row = {
        **{
            name: row[name]
            for name in ("id", "status", "stage", "name", "ref", "coverage", "created_at", "started_at", "finished_at")
        },
        "tag": bool(pipeline["tag"]),
        "allow_failure": bool(row["allow_failure"]),
        "erased_at": None,
        "duration": pipelines.seconds(row["started_at"], end),
        "queued_duration": pipelines.seconds(row["created_at"], row["started_at"]),
        "user": shapes.public_user(call.forge, call.forge.user(row["user_id"])),
        "commit": _commit(call, project, row["sha"]),
        "pipeline": pipelines.short(call, project, pipeline),
        "web_url": f"{call.forge.config.url}/{project['full_path']}/-/jobs/{row['id']}",
        "project": {"ci_job_token_scope_enabled": False},
        "artifacts": files,
        "runner": _runner(row, pipeline),
        "runner_manager": None,
        "artifacts_expire_at": None,
        "archived": False,
        "tag_list": [],
    }
    if row["failure_reason"]:
        shown["failure_reason"] = row["failure_reason"]
    if archive:
        shown["artifacts_file"] = {"filename": archive["filename"], "size": archive["size"]}
    return shown


def _runner(row: Row, pipeline: Row) -> Row | None:
    """Who runs or ran the job."""
    waits = not pipeline["claimed_by"] or row["status"] in {"created", "pending", "skipped"}
    return None if waits else runners.shape(pipeline["claimed_by"])


def _commit(call: Call, project: Row, sha: str) -> Row | None:
    found = git.commit(call.forge.config.repository(project["id"]), sha)
    return shapes.commit(call.forge, project, found) if found else None


def _pipeline(call: Call, row: Row) -> Row:
    found = call.store.one("select * from pipelines where id = ?", row["pipeline_id"])
    assert found is not None
    return found


def _find(call: Call, wanted: int = Level.REPORTER) -> tuple[Row, Row, Row]:
    project = call.project(wanted)
    sql = "select * from jobs where id = ? and project_id = ? and kind = 'build'"
    row = call.store.one(sql, call.number("job_id"), project["id"])
    if row is None:
        raise not_found()
    return project, _pipeline(call, row), row


@api("GET", "/projects/{id}/jobs")
def jobs(call: Call) -> Answer:
    """Jobs of the project, newest first."""
    project = call.project(Level.REPORTER)
    wanted = set(call.words("scope") or [value for key, value in call.query if key == "scope[]"])
    rows = call.store.all("select * from jobs where project_id = ? and kind = 'build' order by id desc", project["id"])
    kept = [row for row in rows if not wanted or row["status"] in wanted]
    return keyset(call, kept, lambda row: shape(call, project, _pipeline(call, row), row))


@api("GET", "/projects/{id}/pipelines/{pipeline_id}/jobs")
def pipeline_jobs(call: Call) -> Answer:
    """Jobs of the pipeline, newest first."""
    project, pipeline = pipelines.find(call)
    rows = ci.jobs_of(call.forge, pipeline["id"], kind="build", retried=bool(call.flag("include_retried")))
    wanted = set(call.words("scope") or [value for key, value in call.query if key == "scope[]"])
    kept = [row for row in reversed(rows) if not wanted or row["status"] in wanted]
    return page(call, kept, lambda row: shape(call, project, pipeline, row))


@api("GET", "/projects/{id}/jobs/{job_id}")
def job(call: Call) -> Row:
    """One job."""
    return shape(call, *_find(call))


@api("POST", "/projects/{id}/jobs/{job_id}/cancel")
def cancel(call: Call) -> Answer:
    """The job, canceled."""
    project, pipeline, row = _find(call, Level.DEVELOPER)
    return Answer(shape(call, project, pipeline, ci.set_job(call.forge, row["id"], "canceled")), 201)


@api("POST", "/projects/{id}/jobs/{job_id}/retry")
def retry(call: Call) -> Answer:
    """A new job in the place of one that is over."""
    project, pipeline, row = _find(call, Level.DEVELOPER)
    if row["status"] not in ci.FINAL or row["retried"]:
        raise forbidden("Job is not retryable")
    pipeline = ci.retry(call.forge, pipeline, call.user(), only=[row["name"]])
    fresh = next(item for item in ci.jobs_of(call.forge, pipeline["id"], kind="build") if item["name"] == row["name"])
    return Answer(shape(call, project, pipeline, fresh), 201)


@api("GET", "/projects/{id}/jobs/{job_id}/trace")
def trace(call: Call) -> Response:
    """What the job wrote so far."""
    path = folder(call.forge, _find(call)[2]["id"]) / TRACE
    return Response(path.read_bytes() if path.is_file() else b"", media_type="text/plain")


def _archive(call: Call, row: Row) -> Path:
    path = folder(call.forge, row["id"]) / ARCHIVE
    if not path.is_file():
        raise not_found()
    return path


def _member(path: Path, name: str) -> Response:
    with zipfile.ZipFile(path) as archive:
        try:
            info = archive.getinfo(name)
        except KeyError:
            raise not_found() from None
        if info.is_dir() or info.file_size > FILE_LIMIT:
            raise not_found()
        return Response(archive.read(info), media_type="application/octet-stream")


@api("GET", "/projects/{id}/jobs/{job_id}/artifacts")
def artifacts(call: Call) -> Response:
    """The job's artifacts as one zip."""
    return FileResponse(_archive(call, _find(call)[2]), media_type="application/zip", filename=ARCHIVE)


@api("GET", "/projects/{id}/jobs/{job_id}/artifacts/{path:path}")
def artifact(call: Call) -> Response:
    """One file of the job's artifacts."""
    return _member(_archive(call, _find(call)[2]), call.path["path"])


def _by_ref(call: Call) -> Row:
    project, name = call.project(Level.REPORTER), call.required("job")
    sql = """select j.* from jobs j join pipelines p on p.id = j.pipeline_id
             where j.project_id = ? and j.ref = ? and j.name = ? and j.kind = 'build'
             and j.status = 'success' and p.status = 'success' order by j.id desc"""
    row = call.store.one(sql, project["id"], call.path["ref"], name)
    if row is None:
        raise not_found()
    return row


@api("GET", "/projects/{id}/jobs/artifacts/{ref}/download")
def download_by_ref(call: Call) -> Response:
    """Artifacts of the newest successful pipeline of a branch or tag."""
    return FileResponse(_archive(call, _by_ref(call)), media_type="application/zip", filename=ARCHIVE)


@api("GET", "/projects/{id}/jobs/artifacts/{ref}/raw/{path:path}")
def file_by_ref(call: Call) -> Response:
    """One file of the artifacts of the newest successful pipeline of a branch or tag."""
    return _member(_archive(call, _by_ref(call)), call.path["path"])
