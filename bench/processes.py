"""Memory and processor time of processes, read in /proc.

PSS shares a page among those who map it, so that the memory of a tree can be added up.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

SAMPLE_S = 0.01


def status_mib(status: str, field: str) -> float | None:
    """A field of /proc/<pid>/status or smaps_rollup, such as ``VmRSS``, in MiB; ``None`` when it is not there."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    return None


def status(pid: int) -> str:
    """/proc/<pid>/status."""
    return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def cpu_s(stat: str) -> float:
    """Seconds of processor that a process took, in its own code and in the kernel, from its /proc/<pid>/stat."""
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """The same, of a process that runs."""
    return cpu_s(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8"))


def tree(pid: int) -> list[int]:
    """A process and its descendants at this moment."""
    found, waiting = [], [pid]
    while waiting:
        found.append(current := waiting.pop())
        with contextlib.suppress(OSError):
            for children in Path(f"/proc/{current}/task").glob("*/children"):
                waiting.extend(map(int, children.read_text(encoding="ascii").split()))
    return found


def tree_pss_mib(pid: int) -> float:
    """PSS of a process and its descendants, in MiB; those that end meanwhile count for nothing."""
    total = 0.0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="utf-8")
            total += status_mib(rollup, "Pss") or 0.0
    return total


class Peak:
    """The greatest memory seen so far, in MiB; 0 when nothing was seen."""

    mib = 0.0


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """The peak of a process tree for the length of the block, looked at every :data:`SAMPLE_S`."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            peak.mib = max(peak.mib, tree_pss_mib(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
