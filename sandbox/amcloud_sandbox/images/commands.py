"""Runs the image tools; a long run says that it goes on, a failed one shows the end of its output."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from amcloud_sandbox.errors import SandboxError

SAY_EVERY_S = 5.0
TAIL_LINES = 20

Say = Callable[[str], None]


def output(argv: Sequence[str], *, doing: str, env: Mapping[str, str] | None = None, timeout_s: float = 120) -> str:
    """What the program printed on standard output, stripped.

    Raises:
        SandboxError: the program is absent, took too long or failed; with the end of what it said.
    """
    try:
        done = subprocess.run(
            list(argv),
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise SandboxError(doing, f"programme absent : {argv[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise SandboxError(doing, f"{argv[0]} n'a pas fini après {timeout_s:.0f} s") from error
    if done.returncode:
        raise SandboxError(doing, _tail(done.stderr or done.stdout))
    return done.stdout.strip()


def run(
    argv: Sequence[str],
    *,
    doing: str,
    say: Say,
    log: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 600,
) -> None:
    """The program has ended well; ``say`` hears of it every few seconds, ``log`` holds what it printed.

    Raises:
        SandboxError: the program is absent, took too long or failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        except FileNotFoundError as error:
            raise SandboxError(doing, f"programme absent : {argv[0]}") from error
        try:
            code = _wait(process, doing=doing, say=say, timeout_s=timeout_s)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code:
        raise SandboxError(doing, f"{_tail(log.read_text(encoding='utf-8', errors='replace'))}\n(journal : {log})")


def _wait(process: subprocess.Popen[bytes], *, doing: str, say: Say, timeout_s: float) -> int:
    began = time.monotonic()
    while True:
        try:
            return process.wait(timeout=SAY_EVERY_S)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - began
            if elapsed > timeout_s:
                raise SandboxError(doing, f"pas fini après {timeout_s:.0f} s") from None
            say(f"{doing} : {elapsed:.0f} s")


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-TAIL_LINES:])
