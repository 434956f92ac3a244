"""One reading process as its caller sees it: started clean, fed with jobs, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque

import msgspec

from psram.worker.messages import Done, Frames, Job, Setup, frame

_RETIRED_KIB = 320 * 1024
_RECEIVED_AT_ONCE = 1 << 20


class Process:
    """A child of this process, without its environment, in a folder and a group of its own.

    It loads its readers at once, and begins when it is told where to read.
    """

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self._tired_s = 0.0
        self._frames = Frames()
        self._folder = tempfile.mkdtemp(prefix="psram-")  # removed with what a killed child left in it
        self._progress = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._tired = False
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-S", "-s", "-P", "-m", "psram.worker", str(self._progress.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._folder),
                cwd=self._folder,
                pass_fds=(self._progress.fileno(),),
                start_new_session=True,
            )
        except OSError:
            self._forgotten()
            raise

    def begin(self, setup: Setup) -> None:
        """Say where to read and within which bounds, once."""
        self._tired_s = setup.cpu_s / 2
        self._write(frame(setup))

    def fileno(self) -> int:
        """What to wait on for its answers."""
        assert self._child.stdout is not None
        return self._child.stdout.fileno()

    @property
    def tired(self) -> bool:
        """Whether it should be replaced before it takes another job: it holds much memory, or computed for long."""
        return self._tired

    def give(self, job: Job) -> None:
        """Hand over a job; a process that is dead is found out when its answer is read."""
        self.jobs.append(job)
        self._write(frame(job))

    def received(self) -> list[Done] | None:
        """Answers that are complete now, each for the oldest job; ``None`` when it has ended or talks nonsense."""
        try:
            said = os.read(self.fileno(), _RECEIVED_AT_ONCE)
            done = [msgspec.msgpack.decode(each, type=Done) for each in self._frames.feed(said)] if said else None
        except (OSError, ValueError, msgspec.DecodeError, RecursionError):
            return None
        for each in done or ():
            if not self.jobs or not _answers(self.jobs[0], each):
                return None
            self.jobs.popleft()
            self._tired = self._tired or each.kib > _RETIRED_KIB or each.cpu_s > self._tired_s
        return done

    def at_work_on(self) -> int | None:
        """The place, in its oldest job, of the content that it had begun with; ``None`` when it had not."""
        noted = os.pread(self._progress.fileno(), 8, 0)
        if len(noted) < 8 or not self.jobs or int.from_bytes(noted[:4], "big") != self.jobs[0].number:  # noqa: PLR2004
            return None
        return int.from_bytes(noted[4:], "big")

    def end(self) -> None:
        """Kill it and all of its group, and remove its folder."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._child.wait()
        self._forgotten()

    def _forgotten(self) -> None:
        self._progress.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, message: bytes) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):
            self._child.stdin.write(message)
            self._child.stdin.flush()


def _answers(job: Job, done: Done) -> bool:
    return done.number == job.number and tuple(f.blob for f in done.found) == tuple(i.blob for i in job.items)


def _environment(folder: str) -> dict[str, str]:
    """Nothing of the caller's but where Python and programs are."""
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    modules = os.pathsep.join(p for p in sys.path if p)
    # What one big content took is given back at once: by default the C library keeps it for the next ones.
    frugal = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_ARENA_MAX": "1"}
    return {"PATH": path, "LC_ALL": "C.UTF-8", "TMPDIR": folder, "HOME": folder, "PYTHONPATH": modules, **frugal}
