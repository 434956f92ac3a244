"""The process that reading processes are born of, as its caller sees it: it loads what reads, once, and reads nothing.

Each reading process is a fork of it, ready at once, its memory shared with the others as long as nothing writes to it.
What a content does to the process that reads it reaches neither the next one nor its caller.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Final

_ENDS_WITHIN_S: Final = 5.0


class Nursery:
    """Started clean, without its caller's environment, in a session of its own. To be used in a ``with``.

    It loads from the beginning on, before it is known what there is to read. When its caller goes, it goes.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._asked = False
        with contextlib.suppress(OSError):  # it is tried again when there is something to read
            self._started()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its number, 0 while it does not run."""
        return 0 if self._child is None else self._child.pid

    def bear(self, descriptors: Sequence[int]) -> None:
        """Have a reading process born, with these as its input, its output and where it notes what it is at.

        Its first four bytes of output are its number; it leads a group of its own.

        Raises:
            OSError: there is none to be had.
        """
        self._asked = True
        try:
            socket.send_fds(self._control or self._started(), [b"."], descriptors)
        except OSError:  # it was killed, or could not fork: another one, once
            self.end()
            socket.send_fds(self._started(), [b"."], descriptors)

    def close(self) -> None:
        """Nobody asks any more: it ends when all that were born of it have. One that none was born of ends at once."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._child is not None and not self._asked:
            self._child.kill()

    def end(self) -> None:
        """It has ended, and those born of it, which were killed before, are buried."""
        self.close()
        child, self._child = self._child, None
        if child is None:
            return
        try:
            child.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _started(self) -> socket.socket:
        ours, its = socket.socketpair()
        with its:
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-S", "-s", "-P", "-m", "psram.worker", str(its.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment(),
                    cwd="/",
                    pass_fds=(its.fileno(),),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        self._control = ours
        return ours


def environment() -> dict[str, str]:
    """Nothing of the caller's but where Python and programs are."""
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    modules = os.pathsep.join(p for p in sys.path if p)
    # What one big content took is given back at once: by default the C library keeps it for the next ones.
    frugal = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_ARENA_MAX": "1"}
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONPATH": modules, **frugal}
