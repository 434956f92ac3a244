"""Git over smart HTTP: git's own ``http-backend`` behind the forge's tokens, and the push noticed when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from requests import codes
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from amcloud_sandbox.forge import access, git, pushes
from amcloud_sandbox.forge.access import Caller, Level
from amcloud_sandbox.forge.errors import ApiError
from amcloud_sandbox.forge.state import Forge
from amcloud_sandbox.forge.store import Row

ROUTE = re.compile(r"^/(?P<project>[^?]+?)(?:\.git)?/(?P<tail>info/refs|git-upload-pack|git-receive-pack)$")
CHUNK = 65_536
TIMEOUT_S = 300
HIDDEN = "The project you were looking for could not be found or you don't have permission to view it."
DENIED = "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect."


class GitHttp:
    """Answers the three addresses of a repository; pushes to one project come one after the other."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._pushing: dict[int, asyncio.Lock] = {}

    async def __call__(self, request: Request) -> Response:
        """The answer to a git client."""
        match = ROUTE.match(unquote(request.url.path))
        assert match is not None
        tail = match["tail"]
        service = request.query_params.get("service", "") if tail == "info/refs" else tail
        if service not in {"git-upload-pack", "git-receive-pack"}:
            return PlainTextResponse("Dumb HTTP is not supported", 403)  # GitLab speaks smart HTTP only
        try:
            found = await run_in_threadpool(self._admit, request, match["project"], service)
        except ApiError as error:
            return _refusal(error)
        if isinstance(found, Response):
            return found
        project, caller = found
        if tail != "git-receive-pack":
            return await self._backend(request, project, caller, tail)
        lock = self._pushing.setdefault(project["id"], asyncio.Lock())
        await lock.acquire()
        return await self._push(request, project, caller, lock)

    def _admit(self, request: Request, path: str, service: str) -> tuple[Row, Caller | None] | Response:
        store, write = self._forge.store, service == "git-receive-pack"
        given = access.basic_password(request.headers.get("authorization"))
        token = given[1] if given else access.api_token(request.headers, {})
        caller = access.caller_of(store, token)
        project = store.one("select * from projects where full_path = ?", path)
        moved = None if project else store.value("select project_id from redirects where old_path = ?", path)
        if moved:
            project = store.one("select * from projects where id = ?", moved)
        found = access.level(store, caller, project) if project else Level.NONE
        if project is None or found == Level.NONE or (write and caller is None):
            raise ApiError(401 if caller is None else 404, DENIED if caller is None else HIDDEN)
        if found < (Level.DEVELOPER if write else Level.REPORTER) or not _scoped(caller, write=write):
            raise ApiError(
                403,
                f"You are not allowed to {'push code to' if write else 'download code from'} this project.",
            )
        if write and project["archived"]:
            raise ApiError(403, "You can't push code to an archived project.")
        if moved:
            target = request.url.path.replace(f"/{path}", f"/{project['full_path']}", 1)
            return RedirectResponse(f"{self._forge.config.url}{target}?{request.url.query}", 301)
        return project, caller

    async def _push(self, request: Request, project: Row, caller: Caller | None, lock: asyncio.Lock) -> Response:
        repo = self._forge.config.repository(project["id"])
        try:
            before = await run_in_threadpool(git.refs, repo)
            response = await self._backend(request, project, caller, "git-receive-pack")
        except BaseException:
            lock.release()
            raise
        if not isinstance(response, StreamingResponse):
            lock.release()
            return response
        response.body_iterator = self._then_notice(response.body_iterator, project, caller, before, lock)
        return response

    async def _then_notice(
        self,
        body: AsyncIterable[Any],
        project: Row,
        caller: Caller | None,
        before: dict[str, str],
        lock: asyncio.Lock,
    ) -> AsyncIterator[Any]:
        """The answer, its last part held back until the forge knows what moved: after ``git push``, all is recorded."""
        held: Any = None
        try:
            async for part in body:
                if held is not None:
                    yield held
                held = part
        finally:
            await asyncio.shield(run_in_threadpool(self._notice, project, caller, before))
            lock.release()
        if held is not None:
            yield held

    def _notice(self, project: Row, caller: Caller | None, before: dict[str, str]) -> None:
        moved = git.changes(before, git.refs(self._forge.config.repository(project["id"])))
        if caller is not None and caller.user is not None:
            pushes.received(self._forge, project, moved, caller.user)

    async def _backend(self, request: Request, project: Row, caller: Caller | None, tail: str) -> Response:
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(request, project, caller, tail),
        )
        assert process.stdout is not None
        feeding = asyncio.create_task(_feed(request, process))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, headers = await _head(process.stdout)
                # The whole request first: its body cannot be read any more once the answer has begun.
                await feeding
        except (TimeoutError, ValueError):
            await _end(process, feeding)
            return PlainTextResponse("Internal Server Error", 500)
        return StreamingResponse(_body(process, feeding), status, headers)

    def _environment(self, request: Request, project: Row, caller: Caller | None, tail: str) -> dict[str, str]:
        repo: Path = self._forge.config.repository(project["id"])
        user = caller.user["username"] if caller and caller.user else "anonymous"
        extra = {
            "GIT_PROJECT_ROOT": str(repo.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{repo.name}/{tail}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "REMOTE_USER": user,
            "REMOTE_ADDR": request.client.host if request.client else "",
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            **self._locks(project, caller),
        }
        length = request.headers.get("content-length")
        return git.environment({**extra, **({"CONTENT_LENGTH": length} if length else {})})

    def _locks(self, project: Row, caller: Caller | None) -> dict[str, str]:
        level = access.level(self._forge.store, caller, project)
        rules = self._forge.store.all("select * from protected_branches where project_id = ?", project["id"])
        tags = self._forge.store.all("select * from protected_tags where project_id = ?", project["id"])
        # An administrator passes as owner; push level 0 means "no one".
        locked = [rule for rule in rules if rule["push_level"] == Level.NONE or level < rule["push_level"]]
        forward = [rule for rule in rules if not rule["allow_force_push"]]
        closed = [rule for rule in tags if rule["create_level"] == Level.NONE or level < rule["create_level"]]
        return {
            "AMCLOUD_FORGE_LOCKED": " ".join(f"refs/heads/{rule['name']}" for rule in locked),
            "AMCLOUD_FORGE_FF": " ".join(f"refs/heads/{rule['name']}" for rule in forward),
            "AMCLOUD_FORGE_TAGS": " ".join(f"refs/tags/{rule['name']}" for rule in closed),
            "AMCLOUD_FORGE_FIXED": " ".join(f"refs/tags/{rule['name']}" for rule in tags),
        }


def _scoped(caller: Caller | None, *, write: bool) -> bool:
    if caller is None:
        return True
    wanted = {"api", "write_repository"} if write else {"api", "read_api", "read_repository", "write_repository"}
    return bool(wanted & caller.scopes)


def _refusal(error: ApiError) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitLab"'} if error.status == codes.unauthorized else {}
    return PlainTextResponse(str(error.body.get("message", "")), error.status, headers)


async def _feed(request: Request, process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError, ClientDisconnect):
        async for chunk in request.stream():
            process.stdin.write(chunk)
            await process.stdin.drain()
    with contextlib.suppress(ConnectionError):
        process.stdin.close()


async def _head(out: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    status, headers = 200, {}
    while line := (await out.readline()).decode("latin-1").rstrip("\r\n"):
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(line)
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    if not headers:
        raise ValueError("no answer of git http-backend")
    return status, headers


async def _body(process: asyncio.subprocess.Process, feeding: asyncio.Task[None]) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    try:
        while chunk := await process.stdout.read(CHUNK):
            yield chunk
    finally:
        await _end(process, feeding)


async def _end(process: asyncio.subprocess.Process, feeding: asyncio.Task[None]) -> None:
    feeding.cancel()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
