"""Runs one program in a bounded way: time, output and environment. Nothing of the caller's secrets is inherited."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from psram.errors import CollectError

_AT_ONCE = 1 << 20
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")


class AbsentError(CollectError):
    """There is no such program on this machine."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A minimal environment: what programs need to start, none of the caller's tokens."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": "/usr/bin:/bin", **kept, "LC_ALL": "C.UTF-8", **(extra or {})}


def output(
    argv: Sequence[str],
    *,
    doing: str,
    timeout_s: float,
    max_bytes: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    ok: tuple[int, ...] = (0,),
) -> bytes:
    """The program's standard output.

    Raises:
        CollectError: it cannot start, ends badly, takes too long or says more than ``max_bytes``.
    """
    with begun(
        argv, doing=doing, timeout_s=timeout_s, max_bytes=max_bytes, cwd=cwd, env=env, stdin=stdin, ok=ok
    ) as said:
        return said()


@contextlib.contextmanager
def begun(
    argv: Sequence[str],
    *,
    doing: str,
    timeout_s: float,
    max_bytes: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    ok: tuple[int, ...] = (0,),
) -> Iterator[Callable[[], bytes]]:
    """A started program; what is given waits for its standard output, and raises as :func:`output` does."""
    deadline = time.monotonic() + timeout_s
    with stream(argv, doing=doing, cwd=cwd, env=env, stdin=stdin) as (process, errors):

        def said() -> bytes:
            assert process.stdout is not None
            try:
                answer = _read(process.stdout.fileno(), max_bytes, deadline)
                if len(answer) > max_bytes:
                    raise CollectError(f"{doing} : la réponse dépasse {max_bytes // 1024} Kio")
                code = process.wait(timeout=max(deadline - time.monotonic(), 0.01))
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                raise CollectError(f"{doing} : pas de réponse en {timeout_s:.0f} s") from error
            if code not in ok:
                raise CollectError(f"{doing} : {_last_line(errors) or f'code de retour {code}'}")
            return answer

        yield said


def _read(descriptor: int, max_bytes: int, deadline: float) -> bytes:
    """What can be read until the end, or until there is more than ``max_bytes``.

    Raises:
        TimeoutError: the end did not come before the deadline.
    """
    waiter = select.poll()
    waiter.register(descriptor, select.POLLIN | select.POLLHUP)
    found = bytearray()
    while len(found) <= max_bytes:
        left = deadline - time.monotonic()
        if left <= 0 or not waiter.poll(left * 1000):
            raise TimeoutError
        part = os.read(descriptor, _AT_ONCE)
        if not part:
            break
        found += part
    return bytes(found)


@contextlib.contextmanager
def stream(
    argv: Sequence[str],
    *,
    doing: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    memory_bytes: int = 0,
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A started program and the file of its errors; it is ended, with its children, on leaving.

    Raises:
        CollectError: it cannot start.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=cwd,
                env=environment(env),
                start_new_session=True,
                preexec_fn=(lambda: bound_memory(memory_bytes)) if memory_bytes else None,  # noqa: PLW1509  single-threaded child
            )
        except FileNotFoundError as error:
            raise AbsentError(f"{doing} : {argv[0]} n'est pas installé sur ce poste") from error
        except OSError as error:
            raise CollectError(f"{doing} : {argv[0]} ne démarre pas ({error.strerror})") from error
        try:
            yield process, errors
        finally:
            end(process)


def bound_memory(memory_bytes: int) -> None:
    """Limit this process's address space, and leave no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def end_alone(process: subprocess.Popen[bytes]) -> None:
    """End a program that shares this session, whatever it is doing; its pipes are closed."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(65536).decode("utf-8", "replace").strip().splitlines()
    fatal = next((line for line in lines if line.startswith("fatal: ")), "")  # git goes on with advice
    return (fatal or lines[-1])[:300] if lines else ""


class Alarm:
    """Ends a process after a delay: a read on its pipe then returns."""

    def __init__(self, process: subprocess.Popen[bytes], delay_s: float) -> None:
        self.fired = False
        self._process = process
        self._timer = threading.Timer(delay_s, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        self.fired = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # when it leads no group of its own

    def cancel(self) -> None:
        """Let the process live."""
        self._timer.cancel()
