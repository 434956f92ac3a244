"""Handlers of the API and how a request reaches them; what they raise becomes GitLab's JSON here."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from requests import codes
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amcloud_sandbox.forge import access
from amcloud_sandbox.forge.call import Call
from amcloud_sandbox.forge.errors import ApiError, bad_parameter
from amcloud_sandbox.forge.paging import Answer
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import now

Handler = Callable[[Call], Any]
BODY_LIMIT = 10 * 1024 * 1024
FIELDS_LIMIT = 1000
log = logging.getLogger("amcloud_sandbox.forge")
_table: list[tuple[str, str, Handler]] = []


def api(method: str, path: str) -> Callable[[Handler], Handler]:
    """Registers a handler of ``/api/v4<path>``; one ``{name}`` is one segment, still free to hold an encoded slash."""

    def register(handler: Handler) -> Handler:
        _table.append((method, path, handler))
        return handler

    return register


def table() -> tuple[tuple[str, str, Handler], ...]:
    """Every registered handler: method, path, function."""
    return tuple(_table)


def routes(forge: Forge) -> list[Route]:
    """Starlette's routes of every registered handler."""
    return [
        Route(f"/api/v4{path}", _endpoint(forge, handler), methods=[method], name=f"{method} {path}")
        for method, path, handler in _table
    ]


def _endpoint(forge: Forge, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            params = {**dict(request.query_params), **await body_params(request)}
            answer = await run_in_threadpool(_run, forge, handler, request, params)
        except ApiError as error:
            return JSONResponse(error.body, error.status, error.headers)
        return answer

    return endpoint


def _run(forge: Forge, handler: Handler, request: Request, params: Mapping[str, Any]) -> Response:
    caller = access.caller_of(forge.store, access.api_token(request.headers, request.query_params))
    if caller is not None:
        _check_scope(caller, request.method)
        forge.store.run("update tokens set last_used_at = ? where id = ?", now(), caller.token["id"])
    call = Call(
        forge=forge,
        method=request.method,
        path={name: unquote(value) for name, value in request.path_params.items()},
        params=params,
        url=_address(request),
        caller=caller,
        query=tuple(request.query_params.multi_items()),
    )
    try:
        return _respond(handler(call))
    except ApiError:
        raise
    except Exception:
        log.exception("%s %s", request.method, request.url.path)
        raise ApiError(500, "500 Internal Server Error") from None


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.scope['path']}?{query}" if query else str(request.scope["path"])


def _check_scope(caller: access.Caller, method: str) -> None:
    wanted = {"api"} if method not in {"GET", "HEAD"} else access.READ_SCOPES
    if wanted & caller.scopes or "sudo" in caller.scopes:
        return
    raise ApiError(
        403,
        {
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": " ".join(sorted(wanted)),
        },
    )


def _respond(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Answer):
        if answer.status == codes.no_content:
            return Response(status_code=codes.no_content)
        response = JSONResponse(answer.body, answer.status)
        for name, value in answer.headers:
            response.headers[name] = value
        return response
    return JSONResponse(answer)


async def body_params(request: Request) -> dict[str, Any]:
    """Parameters of the body: JSON object or form.

    Raises:
        ApiError: 400 malformed, 413 too large.
    """
    if int(request.headers.get("content-length") or 0) > BODY_LIMIT:
        raise ApiError(413, "413 Request Entity Too Large")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    body = await request.body()
    if kind == "application/x-www-form-urlencoded":
        return _form(body)
    if not body or kind != "application/json":
        return {}
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_parameter("There was a problem in the JSON you submitted") from None
    if not isinstance(parsed, dict):
        raise bad_parameter("There was a problem in the JSON you submitted")
    return parsed


def _form(body: bytes) -> dict[str, Any]:
    """Fields as curl sends them; ``name[]`` makes a list."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError:
        raise bad_parameter("There was a problem in the form you submitted") from None
    lists: dict[str, Any] = {}
    for key, value in pairs:
        if key.endswith("[]"):
            lists.setdefault(key.removesuffix("[]"), []).append(value)
    return {key: value for key, value in pairs if not key.endswith("[]")} | lists
