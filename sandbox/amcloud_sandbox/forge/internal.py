"""Addresses of the sandbox itself, under ``/-/sandbox``: switches, request log, and what runners call.

Nothing of this exists on a GitLab; the product never calls it.
"""

from __future__ import annotations

import hmac
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amcloud_sandbox.forge import access, ci, runners
from amcloud_sandbox.forge.api import jobs as api_jobs
from amcloud_sandbox.forge.errors import ApiError, not_found, unauthorized
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

Internal = Callable[[Forge, Request, bytes], Any]
WAIT_LIMIT_S = 25.0


def routes(forge: Forge) -> list[Route]:
    """Starlette's routes of the sandbox's own addresses."""
    admin: tuple[tuple[str, str, Internal], ...] = (
        ("GET", "/faults", _faults),
        ("PUT", "/faults", _replace_faults),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", _clear_faults),
        ("DELETE", "/faults/{id:int}", _clear_fault),
        ("GET", "/requests", _requests),
        ("DELETE", "/requests", _clear_requests),
        ("POST", "/deliveries/wait", _wait_deliveries),
        ("POST", "/pipelines/{id:int}/finish", _finish),
    )
    runner: tuple[tuple[str, str, Internal], ...] = (
        ("POST", "/runner/hello", _hello),
        ("POST", "/runner/claim", _claim),
        ("GET", "/runner/pipelines/{id:int}", _state),
        ("PUT", "/runner/pipelines/{id:int}", _plan),
        ("PUT", "/runner/jobs/{id:int}", _job),
        ("PUT", "/runner/jobs/{id:int}/trace", _trace),
        ("PUT", "/runner/jobs/{id:int}/artifacts", _artifacts),
        ("GET", "/runner/jobs/{id:int}/artifacts", _archive),
    )
    return [
        *(_route(forge, method, path, handler, _is_root) for method, path, handler in admin),
        *(_route(forge, method, path, handler, _is_runner) for method, path, handler in runner),
        Route("/-/health", _health),
    ]


def _route(forge: Forge, method: str, path: str, handler: Internal, allowed: Callable[[Forge, Request], bool]) -> Route:
    return Route(f"/-/sandbox{path}", _endpoint(forge, handler, allowed), methods=[method])


async def _health(_request: Request) -> Response:
    return Response("GitLab OK\n", media_type="text/plain")


def _endpoint(
    forge: Forge, handler: Internal, allowed: Callable[[Forge, Request], bool]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            if not await run_in_threadpool(allowed, forge, request):
                raise unauthorized()
            answer = await run_in_threadpool(handler, forge, request, body)
        except ApiError as error:
            return JSONResponse(error.body, error.status)
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/octet-stream")
        return Response(status_code=204) if answer is None else JSONResponse(answer)

    return endpoint


def _is_root(forge: Forge, request: Request) -> bool:
    caller = access.caller_of(forge.store, access.api_token(request.headers, request.query_params))
    return caller is not None and caller.admin


def _is_runner(forge: Forge, request: Request) -> bool:
    return hmac.compare_digest(request.headers.get("x-runner-token", "").encode(), forge.config.runner_token.encode())


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise ApiError(400, "not JSON") from None


# ---- switches and log


def _faults(forge: Forge, _request: Request, _body: bytes) -> list[Row]:
    return [fault.as_json() for fault in forge.faults.all()]


def _replace_faults(forge: Forge, _request: Request, body: bytes) -> list[Row]:
    raw = _json(body)
    if not isinstance(raw, list):
        raise ApiError(400, "a list of faults is expected")
    return [fault.as_json() for fault in forge.faults.replace(raw)]


def _add_fault(forge: Forge, _request: Request, body: bytes) -> Row:
    return forge.faults.add(_json(body)).as_json()


def _clear_faults(forge: Forge, _request: Request, _body: bytes) -> None:
    forge.faults.clear()


def _clear_fault(forge: Forge, request: Request, _body: bytes) -> None:
    forge.faults.clear(request.path_params["id"])


def _requests(forge: Forge, request: Request, _body: bytes) -> Row:
    query = request.query_params
    found = forge.requests.select(
        since=int(query.get("since", 0)), path=query.get("path", "*"), method=query.get("method")
    )
    last = forge.requests.entries[-1].id if forge.requests.entries else 0
    return {"count": len(found), "last_id": last, "requests": [entry.as_json() for entry in found[-1000:]]}


def _clear_requests(forge: Forge, _request: Request, _body: bytes) -> None:
    forge.requests.entries.clear()


def _wait_deliveries(forge: Forge, _request: Request, _body: bytes) -> Row:
    return {"idle": forge.deliveries.idle()}


def _finish(forge: Forge, request: Request, body: bytes) -> Row:
    """Ends a pipeline without a runner: ``{"jobs": {"tests": "success"}, "files": {"tests": {"junit.xml": …}}}``.

    ``runner`` is who is said to have run it; nobody unless given. By the job's name, ``reasons`` are GitLab's words for
    why it failed (``script_failure`` unless given) and ``traces`` what its journal holds.
    """
    wanted = _json(body)
    pipeline = runners.pipeline(forge, request.path_params["id"])
    if wanted.get("runner"):
        pipeline = forge.store.update("pipelines", pipeline["id"], claimed_by=str(wanted["runner"]))
    states: dict[str, str] = wanted.get("jobs") or {"tests": "success", "build-image": "success"}
    made = runners.plan(forge, pipeline["id"], [{"name": name, "stage": name} for name in states])
    for job in made:
        files = (wanted.get("files") or {}).get(job["name"])
        if files:
            runners.store_artifacts(forge, job["id"], _zip(files), kind="archive")
    for job in made:
        if trace := (wanted.get("traces") or {}).get(job["name"]):
            folder = api_jobs.folder(forge, job["id"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / api_jobs.TRACE).write_text(trace, encoding="utf-8")
        ci.set_job(forge, job["id"], "running")
        reason = (wanted.get("reasons") or {}).get(job["name"], "script_failure")
        ci.set_job(forge, job["id"], states[job["name"]], failure_reason=reason)
    return runners.pipeline(forge, pipeline["id"])


def _zip(files: Row) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return out.getvalue()


# ---- runners


def _hello(forge: Forge, _request: Request, body: bytes) -> Row:
    return {"abandoned": runners.abandon(forge, str(_json(body).get("name", "")))}


def _claim(forge: Forge, _request: Request, body: bytes) -> Row | None:
    asked = _json(body)
    wait_s = min(float(asked.get("wait_s", 0)), WAIT_LIMIT_S)
    return runners.claim(forge, str(asked.get("name", "runner")), wait_s=wait_s)


def _state(forge: Forge, request: Request, _body: bytes) -> Row:
    row = runners.pipeline(forge, request.path_params["id"])
    kept = ("id", "status", "cancel_requested")
    rows = ci.jobs_of(forge, row["id"], kind="build")
    return {
        **{name: row[name] for name in kept},
        "jobs": [{name: job[name] for name in ("id", "name", "status")} for job in rows],
    }


def _plan(forge: Forge, request: Request, body: bytes) -> list[Row]:
    asked = _json(body)
    if asked.get("problem"):
        runners.refuse(forge, request.path_params["id"], str(asked["problem"]))
        return []
    return runners.plan(forge, request.path_params["id"], asked.get("jobs") or [])


def _job_row(forge: Forge, request: Request) -> Row:
    row = forge.store.one("select * from jobs where id = ? and kind = 'build'", request.path_params["id"])
    if row is None:
        raise not_found("Job")
    return row


def _job(forge: Forge, request: Request, body: bytes) -> Row:
    asked, row = _json(body), _job_row(forge, request)
    if asked.get("status") not in {*ci.OPEN, *ci.FINAL}:
        raise ApiError(400, "unknown status")
    return ci.set_job(forge, row["id"], asked["status"], failure_reason=asked.get("failure_reason"))


def _trace(forge: Forge, request: Request, body: bytes) -> None:
    folder = api_jobs.folder(forge, _job_row(forge, request)["id"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / api_jobs.TRACE).open("r+b" if (folder / api_jobs.TRACE).exists() else "wb") as trace:
        trace.seek(int(request.query_params.get("offset", 0)))
        trace.write(body)


def _artifacts(forge: Forge, request: Request, body: bytes) -> None:
    runners.store_artifacts(
        forge, _job_row(forge, request)["id"], body, kind=request.query_params.get("type", "archive")
    )


def _archive(forge: Forge, request: Request, _body: bytes) -> bytes | None:
    path = api_jobs.folder(forge, _job_row(forge, request)["id"]) / api_jobs.ARCHIVE
    return path.read_bytes() if path.is_file() else None
