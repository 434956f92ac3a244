"""Programs that outlive the command that started them: start, find again, stop. Never by name, always by recorded id.

A record is ``layout.run/<name>.json`` (process id, its start time in the kernel's clock ticks, command); a process is
ours only when both the id and the start time match, so a reused id is never signalled.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

POLL_S = 0.1
SAY_EVERY_S = 5.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Record:
    """One started program: its process id and the start time that tells it from a later holder of the same id."""

    pid: int
    started_ticks: int
    boot: str = ""
    argv: tuple[str, ...] = ()


def log_path(name: str, *, layout: Layout) -> Path:
    """File that receives standard output and error of the program called ``name``."""
    return layout.run / f"{name}.log"


def _record_path(name: str, layout: Layout) -> Path:
    return layout.run / f"{name}.json"


def start_ticks(pid: int) -> int | None:
    """Start time of process ``pid`` in clock ticks since boot; None when no such process lives (a zombie is dead)."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def parent(pid: int) -> int | None:
    """Process id of the parent of ``pid``; None when no such process lives."""
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def _stat(pid: int) -> list[str] | None:
    """Fields of proc(5)'s ``stat`` from the third on, the state; None when no such process lives."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()  # the command's name, in brackets, may hold spaces


def _read(name: str, layout: Layout) -> Record | None:
    try:
        data = json.loads(_record_path(name, layout).read_text(encoding="utf-8"))
        return Record(int(data["pid"]), int(data["started_ticks"]), str(data["boot"]), tuple(data["argv"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _boot() -> str:
    # start times count from the machine's start: they mean nothing after another one
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _lives(record: Record) -> bool:
    return record.boot == _boot() and start_ticks(record.pid) == record.started_ticks


def pid_of(name: str, *, layout: Layout) -> int | None:
    """Process id of the running program called ``name``; None when it does not run."""
    record = _read(name, layout)
    return record.pid if record and _lives(record) else None


def running(name: str, *, layout: Layout) -> bool:
    """Whether the program recorded as ``name`` still runs."""
    return pid_of(name, layout=layout) is not None


def names(*, layout: Layout) -> tuple[str, ...]:
    """Names of all recorded programs, running or not."""
    return tuple(sorted(path.stem for path in layout.run.glob("*.json")))


def start(
    name: str,
    argv: Sequence[str],
    *,
    layout: Layout,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> None:
    """The program runs in a session of its own and survives us; does nothing when it runs already.

    ``env`` is added to our environment. ``user``: name of the account it runs as (needs root).

    Raises:
        SandboxError: the program is absent or could not be started.
    """
    if running(name, layout=layout):
        return
    layout.run.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam(user) if user else None
    home = {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name} if account else {}
    with log_path(name, layout=layout).open("ab") as log:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **home, **(env or {})},
                cwd=cwd or "/",
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=os.getgrouplist(account.pw_name, account.pw_gid) if account else None,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"démarrage de {name}", str(error)) from error
    ticks = start_ticks(process.pid)
    if ticks is None:
        process.wait()
        raise SandboxError(
            f"démarrage de {name}", f"le programme s'est arrêté aussitôt\n{log_tail(name, layout=layout)}"
        )
    _write(name, Record(process.pid, ticks, _boot(), tuple(argv)), layout)
    _children.append(process)


# Popen objects that we never wait for: kept so that Python does not warn, and reaped by :func:`_reap`.
_children: list[subprocess.Popen[bytes]] = []


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _write(name: str, record: Record, layout: Layout) -> None:
    path = _record_path(name, layout)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(dataclasses.asdict(record)), encoding="utf-8")
    temporary.replace(path)


def stop(name: str, *, layout: Layout, timeout_s: float = 10) -> None:
    """The program no longer runs and its record is gone; asked first (SIGTERM), ended after ``timeout_s`` (SIGKILL).

    The whole session is signalled, so workers that the program forked end with it. A process that is not the one
    we started (other start time) is left alone.
    """
    record = _read(name, layout)
    if record and _lives(record):
        _signal(record.pid, signal.SIGTERM)
        if not _gone(record, timeout_s):
            _signal_group(record.pid, signal.SIGKILL)
            _gone(record, timeout_s)
        _signal_group(record.pid, signal.SIGKILL)
    _reap()
    _record_path(name, layout).unlink(missing_ok=True)


def send_signal(name: str, number: signal.Signals, *, layout: Layout) -> None:
    """The program called ``name`` has received the signal; nothing happens when it does not run."""
    pid = pid_of(name, layout=layout)
    if pid is not None:
        _signal(pid, number)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _gone(record: Record, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        _reap()
        if not _lives(record):
            return True
        time.sleep(POLL_S)
    return False


def log_tail(name: str, *, layout: Layout, lines: int = LOG_TAIL_LINES) -> str:
    """Last lines of the program's log; empty when there is none."""
    try:
        with log_path(name, layout=layout).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 16_384))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def wait_until(
    ready: Callable[[], bool],
    *,
    doing: str,
    timeout_s: float,
    say: Callable[[str], None],
    alive: Sequence[str] = (),
    layout: Layout | None = None,
) -> None:
    """Returns once ``ready()`` is true; says every few seconds that it waits.

    ``alive``: names of programs whose end makes waiting pointless (their log's end is then in the error).

    Raises:
        SandboxError: after ``timeout_s``, or when one of ``alive`` has ended.
    """
    began = said = time.monotonic()
    while not ready():
        now = time.monotonic()
        dead = [name for name in alive if layout and not running(name, layout=layout)]
        if dead or now - began > timeout_s:
            raise SandboxError(doing, _why(dead, alive, layout, timeout_s))
        if now - said >= SAY_EVERY_S:
            said = now
            say(f"{doing} : {now - began:.0f} s")
        time.sleep(POLL_S)


def _why(dead: Sequence[str], alive: Sequence[str], layout: Layout | None, timeout_s: float) -> str:
    what = f"{', '.join(dead)} s'est arrêté" if dead else f"toujours pas prêt après {timeout_s:.0f} s"
    logs = [f"--- fin de {name}.log\n{log_tail(name, layout=layout)}" for name in dead or alive if layout]
    return "\n".join([what, *logs])
