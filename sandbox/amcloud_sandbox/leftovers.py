"""What outlives containerd and kubelet and has to be found: shims, containers, mounts, control groups, kernel settings.

Everything is recognised by what only the sandbox gives it: its socket's path, its folder, its control group.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from amcloud_sandbox.layout import Layout

BEFORE = "before.json"
CGROUPS = Path("/sys/fs/cgroup")
END_TIMEOUT_S = 5.0
POLL_S = 0.05
# Folders with fixed names that kubelet, containerd's shims and CNI make; removed if they were not there before.
FIXED_FOLDERS = tuple(
    map(Path, ("/var/log/pods", "/var/log/containers", "/var/lib/cni", "/run/containerd", "/var/lib/kubelet"))
)
# Kernel settings that kubelet, kube-proxy and the sandbox change.
KERNEL_SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
SYSCTL = Path("/proc/sys")


def cgroup(layout: Layout) -> str:
    """Name of the control group under which all pods of this sandbox live; another state folder has another one."""
    return f"amcloud-{hashlib.sha256(str(layout.state).encode()).hexdigest()[:8]}"


def remembers_machine(layout: Layout) -> bool:
    """Whether a node of this sandbox was started and not yet wholly removed."""
    return (layout.state / BEFORE).exists()


def remember_machine(layout: Layout) -> None:
    """What the machine was like before the node is on disk; a second call keeps the first answer."""
    record = layout.state / BEFORE
    if record.exists():
        return
    settings = {name: value for name in KERNEL_SETTINGS if (value := _read(SYSCTL / name)) is not None}
    absent = [str(folder) for folder in FIXED_FOLDERS if not folder.exists()]
    layout.state.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"settings": settings, "absent_folders": absent}, indent=1), encoding="utf-8")


def restore_machine(layout: Layout) -> None:
    """Kernel settings are as remembered and folders that were not there are gone."""
    record = layout.state / BEFORE
    if not record.exists():
        return
    before = json.loads(record.read_text(encoding="utf-8"))
    for name, value in before["settings"].items():
        if _read(SYSCTL / name) != value:
            (SYSCTL / name).write_text(value, encoding="ascii")
    for folder in before["absent_folders"]:
        shutil.rmtree(folder, ignore_errors=True)
    record.unlink()


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def make_cgroups(name: str) -> None:
    """The control group ``name`` is there, in every hierarchy of this machine."""
    for hierarchy in _hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)


def _hierarchies() -> list[Path]:
    # one folder a controller (version 1), the unified one of a hybrid set-up included; or the root itself (version 2)
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [folder for folder in CGROUPS.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()]


def end_pods(socket: Path, name: str) -> None:
    """No shim of the containerd at ``socket`` and no process of the control group ``name`` is left."""
    # the first process of each container goes with its shim; once the shim has gone, nothing tells whose it was
    _end(lambda: [*_children(set(_shims(socket))), *_shims(socket)])
    _end(lambda: _pod_processes(name))


def _end(find: Callable[[], Iterable[int]]) -> None:
    deadline = time.monotonic() + END_TIMEOUT_S
    while pids := set(find()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_S)


def _shims(socket: Path) -> Iterable[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"containerd-shim-runc-v2") and str(socket).encode() in words:
            yield int(folder.name)


def _children(parents: set[int]) -> Iterable[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        stat = _read(folder / "stat") or ""
        fields = stat.rpartition(")")[2].split()
        if fields and fields[0] != "Z" and int(fields[1]) in parents:
            yield int(folder.name)


def _pod_processes(name: str) -> Iterable[int]:
    for folder in _cgroup_folders(name):
        yield from map(int, (_read(folder / "cgroup.procs") or "").split())


def _cgroup_folders(name: str) -> list[Path]:
    """The control group ``name`` and all below it, the deepest first."""
    roots = [hierarchy / name for hierarchy in _hierarchies() if (hierarchy / name).is_dir()]
    return [Path(path) for root in roots for path, _, _ in os.walk(root, topdown=False)]


def remove_cgroups(name: str) -> None:
    """The control group ``name`` and all below it are gone."""
    deadline = time.monotonic() + END_TIMEOUT_S
    while folders := _cgroup_folders(name):
        for folder in folders:
            try:
                folder.rmdir()
            except OSError:
                continue  # its last process is still ending
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_S)


def mounts_under(folder: Path, table: Sequence[str]) -> list[str]:
    """Mount points of ``table`` (lines of /proc/self/mounts) at or below ``folder``, the last mounted first."""
    points = [_unescape(line.split()[1]) for line in table if len(line.split()) > 1]
    return [point for point in reversed(points) if Path(point) == folder or folder in Path(point).parents]


def _unescape(field: str) -> str:
    for code, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        field = field.replace(code, char)
    return field


def unmount_under(*folders: Path) -> None:
    """Nothing is mounted in ``folders`` any more."""
    for folder in folders:
        for _ in range(3):
            points = mounts_under(folder, Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
            if not points:
                break
            for point in points:
                subprocess.run(["umount", "-l", point], capture_output=True, check=False)
