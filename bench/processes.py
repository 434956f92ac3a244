"""Memory and processor time of processes, read in /proc.

PSS shares a page among those who map it, so that the memory of a tree can be added up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

SAMPLE_S = 0.01
_KCMP = {"x86_64": 312, "aarch64": 272}.get(platform.machine())
_KCMP_VM = 1
_libc = ctypes.CDLL(None, use_errno=True)


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


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            found.extend(map(int, listed.read_text(encoding="ascii").split()))
    return found


def tree(pid: int) -> list[int]:
    """A process and its descendants at this moment."""
    found, waiting = [], [pid]
    while waiting:
        found.append(current := waiting.pop())
        waiting += children(current)
    return found


def tree_pss_mib(pid: int) -> float:
    """PSS of a process and its descendants, in MiB; those that end meanwhile count for nothing.

    Between vfork and exec a child runs in its parent's memory, which is counted once.
    """
    total, waiting = 0.0, [(pid, 0)]
    while waiting:
        current, parent = waiting.pop()
        waiting += [(child, current) for child in children(current)]
        if parent and same_memory(current, parent):
            continue
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{current}/smaps_rollup").read_text(encoding="utf-8")
            total += status_mib(rollup, "Pss") or 0.0
    return total


def same_memory(one: int, other: int) -> bool:
    """Whether two processes have one address space, after kcmp(2); no where the kernel does not tell."""
    return _KCMP is not None and _libc.syscall(_KCMP, one, other, _KCMP_VM, 0, 0) == 0


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
