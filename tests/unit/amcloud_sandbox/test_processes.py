"""Started programs survive us, are found again by id and start time, and only ours are ever signalled."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud_sandbox import processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

SLEEP = ["sleep", "60"]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(state=tmp_path / "state", cache=tmp_path / "cache")
    yield layout
    for name in processes.names(layout=layout):
        processes.stop(name, layout=layout, timeout_s=1)


def test_a_started_program_runs_in_a_session_of_its_own(layout: Layout) -> None:
    processes.start("sleeper", SLEEP, layout=layout)
    pid = processes.pid_of("sleeper", layout=layout)
    assert pid is not None
    assert os.getsid(pid) == pid != os.getsid(0)


def test_starting_twice_starts_once(layout: Layout) -> None:
    processes.start("sleeper", SLEEP, layout=layout)
    first = processes.pid_of("sleeper", layout=layout)
    processes.start("sleeper", SLEEP, layout=layout)
    assert processes.pid_of("sleeper", layout=layout) == first


def test_a_stopped_program_is_gone_with_its_record(layout: Layout) -> None:
    processes.start("sleeper", SLEEP, layout=layout)
    pid = processes.pid_of("sleeper", layout=layout)
    processes.stop("sleeper", layout=layout)
    assert pid is not None
    assert processes.start_ticks(pid) is None
    assert processes.names(layout=layout) == ()


def test_a_program_that_ignores_the_request_is_ended_with_its_children(layout: Layout, tmp_path: Path) -> None:
    child = tmp_path / "child"
    ready = tmp_path / "ready"
    script = f"trap '' TERM; sleep 60 & echo $! > {child}; touch {ready}; while :; do sleep 1; done"
    processes.start("stubborn", ["sh", "-c", script], layout=layout)
    processes.wait_until(ready.exists, doing="attente", timeout_s=5, say=lambda _: None)
    processes.stop("stubborn", layout=layout, timeout_s=0.3)
    deadline = time.monotonic() + 5
    while processes.start_ticks(int(child.read_text())) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes.start_ticks(int(child.read_text())) is None


@pytest.mark.parametrize(
    "stale",
    [
        pytest.param({"started_ticks": 1}, id="another program holds the id now"),
        pytest.param({"boot": "another"}, id="the machine has been started again since"),
    ],
)
def test_a_process_that_is_not_ours_is_never_signalled(layout: Layout, stale: dict[str, object]) -> None:
    processes.start("sleeper", SLEEP, layout=layout)
    record = layout.run / "sleeper.json"
    genuine = json.loads(record.read_text())
    record.write_text(json.dumps(genuine | stale))
    assert not processes.running("sleeper", layout=layout)
    processes.stop("sleeper", layout=layout)
    assert processes.start_ticks(genuine["pid"]) == genuine["started_ticks"]
    os.kill(genuine["pid"], signal.SIGKILL)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', "\x00"])
def test_a_damaged_record_means_not_running(layout: Layout, content: str) -> None:
    layout.run.mkdir(parents=True)
    (layout.run / "broken.json").write_text(content)
    assert not processes.running("broken", layout=layout)
    processes.stop("broken", layout=layout)
    assert processes.names(layout=layout) == ()


def test_stopping_what_never_ran_is_fine(layout: Layout) -> None:
    processes.stop("nobody", layout=layout)


def test_an_absent_program_is_a_clear_error(layout: Layout) -> None:
    with pytest.raises(SandboxError, match="démarrage de ghost"):
        processes.start("ghost", ["/nowhere/ghost"], layout=layout)


def test_waiting_ends_at_once_when_the_awaited_program_has_ended_and_shows_its_log(layout: Layout) -> None:
    processes.start("failing", ["sh", "-c", "echo 'port déjà pris' >&2; sleep 0.2; exit 1"], layout=layout)
    began = time.monotonic()
    with pytest.raises(SandboxError, match="port déjà pris"):
        processes.wait_until(
            lambda: False, doing="attente", timeout_s=30, say=lambda _: None, alive=["failing"], layout=layout
        )
    assert time.monotonic() - began < 10


def test_waiting_too_long_says_what_was_being_done() -> None:
    with pytest.raises(SandboxError, match="attente du registre"):
        processes.wait_until(lambda: False, doing="attente du registre", timeout_s=0.2, say=lambda _: None)


def test_a_started_program_outlives_the_one_that_started_it(layout: Layout) -> None:
    code = (
        "from pathlib import Path; from amcloud_sandbox import processes; from amcloud_sandbox.layout import Layout; "
        f"processes.start('sleeper', {SLEEP!r}, layout=Layout(state=Path({str(layout.state)!r})))"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert processes.running("sleeper", layout=layout)


def test_a_record_is_a_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        processes.Record(1, 2).pid = 3  # type: ignore[misc]
