"""Programs that end: run one, say every few seconds that it still works, turn its failure into a SandboxError."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from amcloud_sandbox.errors import SandboxError

SAY_EVERY_S = 5.0
POLL_S = 0.05
TAIL_LINES = 15


def run(
    argv: Sequence[str],
    *,
    doing: str,
    say: Callable[[str], None],
    timeout_s: float = 120,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    progress: Callable[[int], str] | None = None,
) -> str:
    """What the program wrote (output and errors together), once it has ended with status 0.

    ``progress`` turns the number of lines written so far into what is said; without it the last line is said.

    Raises:
        SandboxError: absent program, other status, or longer than ``timeout_s``; the hint holds the last lines.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(doing, str(error)) from error

        def written() -> str:
            # pread leaves alone the offset, which the program shares with us
            size = os.fstat(output.fileno()).st_size
            return os.pread(output.fileno(), size, 0).decode("utf-8", errors="replace")

        try:
            _wait(process, doing, timeout_s, say, lambda: _progress(written(), progress))
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode:
            tail = "\n".join(written().splitlines()[-TAIL_LINES:])
            raise SandboxError(doing, f"{argv[0]} s'est terminé avec le code {process.returncode}\n{tail}")
        return written()


def _progress(text: str, progress: Callable[[int], str] | None) -> str:
    lines = text.splitlines()
    if progress:
        return progress(len(lines))
    return lines[-1].strip()[:100] if lines else ""


def _wait(
    process: subprocess.Popen[bytes],
    doing: str,
    timeout_s: float,
    say: Callable[[str], None],
    progress: Callable[[], str],
) -> None:
    began = said = time.monotonic()
    while process.poll() is None:
        now = time.monotonic()
        if now - began > timeout_s:
            raise SandboxError(doing, f"toujours pas fini après {timeout_s:.0f} s")
        if now - said >= SAY_EVERY_S:
            said = now
            say(f"{doing} : {progress()} ({now - began:.0f} s)")
        time.sleep(POLL_S)
