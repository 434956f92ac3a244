"""The ASGI application: switches and log around everything, then git, GitLab's API, and the sandbox's own addresses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from requests import codes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amcloud_sandbox.forge import api, internal, routing
from amcloud_sandbox.forge.faults import DEFAULT_STATUS, Entry, Fault, Kind
from amcloud_sandbox.forge.githttp import ROUTE, GitHttp
from amcloud_sandbox.forge.state import Forge

PAGE = """<!DOCTYPE html><html><head><title>Sign in</title></head>
<body><h1>Proxy</h1><p>The page that you asked for is not available.</p></body></html>"""
NOT_FOUND = {"error": "404 Not Found"}


def build(forge: Forge) -> ASGIApp:
    """The application that serves ``forge``."""
    assert api  # its modules register their handlers when imported
    known = [*internal.routes(forge), *routing.routes(forge)]
    inner = Starlette(
        routes=[*known, Route("/{rest:path}", _absent, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])]
    )
    inner.router.redirect_slashes = False
    return Outer(forge, inner, GitHttp(forge))


async def _absent(request: Request) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse(NOT_FOUND, 404)
    return HTMLResponse("<!DOCTYPE html><title>404 Not Found</title><h1>404: Page not found</h1>", 404)


class Outer:
    """Logs each request, lets a switch strike it, and tells git's addresses from the rest."""

    def __init__(self, forge: Forge, inner: ASGIApp, git: GitHttp) -> None:
        self._forge, self._inner, self._git = forge, inner, git

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        path, method = unquote(raw), scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        entry = self._forge.requests.begin(
            method, path, scope["query_string"].decode("latin-1"), headers.get("user-agent", "")
        )
        fault = None if path.startswith("/-/sandbox") else self._forge.faults.request(method, path)
        entry.fault = fault.kind.value if fault else None
        began = time.monotonic()
        try:
            await self._strike(fault, scope, receive, _logged(send, entry), raw=raw, path=path)
        finally:
            entry.duration_s = round(time.monotonic() - began, 4)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, raw: str, path: str) -> None:
        if ROUTE.match(path) and not path.startswith(("/api/", "/-/")):
            response = await self._git(Request(scope, receive))
            await response(scope, receive, send)
            return
        # Segments stay encoded until they are told apart: a project's id may be `group%2Fproject`.
        await self._inner({**scope, "path": raw}, receive, send)

    async def _strike(
        self, fault: Fault | None, scope: Scope, receive: Receive, send: Send, *, raw: str, path: str
    ) -> None:
        if fault is None:
            await self._serve(scope, receive, send, raw, path)
            return
        match fault.kind:
            case Kind.HANG | Kind.RESET:
                await _leave(fault, receive)
            case Kind.SLOW:
                await asyncio.sleep(fault.delay_s)
                await self._serve(scope, receive, send, raw, path)
            case Kind.TRUNCATED:
                await self._serve(scope, receive, _cut(send), raw, path)
            case _:
                await _answer(fault)(scope, receive, send)


async def _leave(fault: Fault, receive: Receive) -> None:
    """The connection is ended without an answer: at once, or when the client is gone."""
    if fault.kind is Kind.HANG:
        try:
            async with asyncio.timeout(fault.delay_s):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass
    # ASGI has no word for "hang up": uvicorn's transport is the one to tell (a test client has none).
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


def _answer(fault: Fault) -> Response:
    if fault.kind is Kind.HTML:
        return HTMLResponse(
            PAGE if fault.body is None else str(fault.body),
            fault.status if fault.status != DEFAULT_STATUS else codes.ok,
        )
    if fault.kind is Kind.RATE_LIMIT:
        return _rate_limited(fault)
    body = fault.body if fault.body is not None else {"message": _message(fault.status)}
    headers = {"WWW-Authenticate": 'Basic realm="GitLab"'} if fault.status == codes.unauthorized else {}
    return JSONResponse(body if isinstance(body, (dict, list)) else {"message": body}, fault.status, headers)


def _rate_limited(fault: Fault) -> Response:
    wait = fault.retry_after_s
    headers: MutableMapping[str, str] = {
        "Retry-After": str(wait),
        "RateLimit-Limit": "600",
        "RateLimit-Observed": "601",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(int(time.time()) + wait),
        "RateLimit-Name": "throttle_authenticated_api",
    }
    return Response("Retry later\n", 429, headers, "text/plain")


def _message(status: int) -> str:
    words: dict[int, str] = {
        400: "400 Bad request",
        401: "401 Unauthorized",
        403: "403 Forbidden",
        404: "404 Project Not Found",
        409: "409 Conflict",
        422: "The number of jobs has exceeded the limit. Try splitting the configuration with parent-child-pipelines",
        500: "500 Internal Server Error",
        502: "502 Bad Gateway",
        503: "503 Service Unavailable",
    }
    return words.get(status, str(status))


def _logged(send: Send, entry: Entry) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry.status = message["status"]
        await send(message)

    return wrapped


def _cut(send: Send) -> Send:
    parts: list[bytes] = []
    start: list[Any] = []

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        parts.append(message.get("body", b""))
        if message.get("more_body"):
            return
        whole = b"".join(parts)
        headers = [(name, value) for name, value in start[0]["headers"] if name.lower() != b"content-length"]
        length = (b"content-length", str(max(len(whole), 2)).encode())
        await send({**start[0], "headers": [*headers, length]})
        # Never completed: uvicorn closes the connection, as a proxy that dies does.
        await send({"type": "http.response.body", "body": whole[: len(whole) // 2], "more_body": True})

    return wrapped
