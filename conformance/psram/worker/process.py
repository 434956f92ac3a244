"""One reading process as its caller sees it: born clean, fed with jobs, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
from collections import deque

import msgspec

from psram.worker.birth import NUMBER_BYTES
from psram.worker.messages import Done, Frames, Job, Setup, frame
from psram.worker.nursery import Nursery

_RETIRED_KIB = 320 * 1024
_RECEIVED_AT_ONCE = 1 << 20
_SILENT_S = 5.0


class Process:
    """A process born of the nursery, with nothing of the caller's environment, in a folder and a group of its own.

    It begins when it is told where to read. ``pid`` is 0 until it has said its number.

    Raises:
        OSError: it cannot be had.
    """

    def __init__(self, nursery: Nursery) -> None:
        self.jobs: deque[Job] = deque()
        self.pid = 0
        self._tired_s = 0.0
        self._frames = Frames()
        self._tired = False
        self._killed = False
        with contextlib.ExitStack() as failed:
            self._folder = tempfile.mkdtemp(prefix="psram-")  # removed with what a killed process left in it
            failed.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._progress = failed.enter_context(tempfile.TemporaryFile())
            with contextlib.ExitStack() as its:
                self._given, given = _pipe(its, failed, read=False)
                self._said, said = _pipe(its, failed, read=True)
                nursery.bear((given, said, self._progress.fileno()))
            self._kept = failed.pop_all()

    def begin(self, setup: Setup) -> None:
        """Say where to read and within which bounds, once."""
        self._tired_s = setup.cpu_s / 2
        self._write(frame(msgspec.structs.replace(setup, folder=self._folder)))

    def fileno(self) -> int:
        """What to wait on for its answers."""
        return self._said

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
            said = os.read(self._said, _RECEIVED_AT_ONCE)
            if not said:
                return None
            done = [msgspec.msgpack.decode(each, type=Done) for each in self._frames.feed(self._numbered(said))]
        except (OSError, ValueError, msgspec.DecodeError, RecursionError):
            return None
        for each in done:
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
        self.kill()
        while self._heard():  # it has ended when its output has
            pass
        self._kept.close()

    def kill(self) -> None:
        """Kill it and all of its group, once, without waiting for their end."""
        if not self.pid:  # it was asked for a moment ago
            self._numbered(self._heard())
        if self.pid and not self._killed:
            self._killed = True  # its number may be another's once its nursery has ended
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _numbered(self, said: bytes) -> bytes:
        """What it said but for its number, with which it begins."""
        if self.pid:
            return said
        self.pid = int.from_bytes(said[:NUMBER_BYTES], "big")
        return said[NUMBER_BYTES:]

    def _heard(self) -> bytes:
        """What it says next, nothing at its end, or when it says nothing for too long."""
        waiter = select.poll()
        waiter.register(self._said, select.POLLIN | select.POLLHUP)
        return os.read(self._said, _RECEIVED_AT_ONCE) if waiter.poll(_SILENT_S * 1000) else b""

    def _write(self, message: bytes) -> None:
        with contextlib.suppress(OSError):
            while message:
                message = message[os.write(self._given, message) :]


def _pipe(its: contextlib.ExitStack, ours: contextlib.ExitStack, *, read: bool) -> tuple[int, int]:
    """The end of a new pipe that we keep, to read or to write, and the other one."""
    ends = os.pipe()
    kept, given = ends if read else ends[::-1]
    ours.callback(os.close, kept)
    its.callback(os.close, given)
    return kept, given


def _answers(job: Job, done: Done) -> bool:
    return done.number == job.number and tuple(f.blob for f in done.found) == tuple(i.blob for i in job.items)
