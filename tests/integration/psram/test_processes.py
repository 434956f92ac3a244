"""Reading processes are forks of one that loaded what they need: each alone, bounded, and gone when it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from psram.worker.messages import Done, Item, Job, Setup
from psram.worker.nursery import Nursery
from psram.worker.process import Process

PHP_FILE = "src/A.php"
WAITED_S = 20


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "depot"
    (folder / "src").mkdir(parents=True)
    (folder / PHP_FILE).write_text("<?php\nfinal class A {}\n", "utf-8")
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example")
    for asked in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "exemple")):
        subprocess.run(["git", *identity, "-C", str(folder), *asked], check=True)
    return folder


@pytest.fixture
def blob(repository: Path) -> str:
    asked = ["git", "-C", str(repository), "rev-parse", f"HEAD:{PHP_FILE}"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def begun(nursery: Nursery, repository: Path) -> Process:
    process = Process(nursery)
    process.begin(Setup(str(repository), None, 1 << 20, 1 << 30, 100, 10, 60.0))
    return process


def answered(process: Process, job: Job) -> Done:
    """Its answer to a job; the only one that it has."""
    process.give(job)
    until = time.monotonic() + WAITED_S
    while time.monotonic() < until:
        done = process.received()
        assert done is not None, "it died"
        if done:
            return done[0]
    raise AssertionError("no answer")


@contextmanager
def born(repository: Path, number: int) -> Iterator[tuple[Nursery, list[Process]]]:
    with Nursery() as nursery:
        processes = [begun(nursery, repository) for _ in range(number)]
        try:
            yield nursery, processes
        finally:
            for process in processes:
                process.end()


def held(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")


def parent(pid: int) -> int:
    try:
        return int(held(pid, "stat").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def runs(pid: int) -> bool:
    try:
        return held(pid, "stat").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_each_reads_in_a_group_and_a_folder_of_its_own_without_the_environment_of_the_caller(
    repository: Path, blob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMCLOUD_FORGE_TOKEN", "exemple-de-jeton")
    with born(repository, 2) as (_nursery, processes):
        found = [answered(each, Job(1, (Item(blob, 1),))).found[0] for each in processes]
        pids = [each.pid for each in processes]
        assert found[0].reading
        assert found[0] == found[1]
        assert [os.getpgid(pid) for pid in pids] == pids
        assert os.getpgid(0) not in pids
        assert "exemple-de-jeton" not in "".join(held(pid, "environ") for pid in pids)
        folders = {str(Path(f"/proc/{pid}/cwd").readlink()) for pid in pids}
        assert len(folders) == 2
        assert all("psram-" in folder for folder in folders)


def test_each_bounds_its_own_memory_and_time_and_not_those_of_the_next_one(repository: Path, blob: str) -> None:
    with born(repository, 2) as (nursery, processes):
        first = processes[0]
        answered(first, Job(1, (Item(blob, 1),)))
        assert f"{1 << 30}" in next(line for line in held(first.pid, "limits").splitlines() if "address space" in line)
        assert "unlimited" not in next(line for line in held(first.pid, "limits").splitlines() if "cpu time" in line)
        late = begun(nursery, repository)
        processes.append(late)
        late.begin(Setup(str(repository), None, 1 << 20, 1 << 29, 100, 10, 60.0))
        mother = int(held(first.pid, "stat").rpartition(")")[2].split()[1])
        assert all("unlimited" in line for line in held(mother, "limits").splitlines() if "address space" in line)


def test_one_that_is_killed_takes_no_other_with_it_and_is_seen_to_be_dead(repository: Path, blob: str) -> None:
    with born(repository, 2) as (nursery, processes):
        for each in processes:
            answered(each, Job(1, (Item(blob, 1),)))
        os.kill(processes[0].pid, signal.SIGKILL)
        assert processes[0].received() is None
        processes[0].end()
        del processes[0]
        assert answered(processes[0], Job(2, (Item(blob, 1),))).found[0].reading
        processes.append(begun(nursery, repository))
        assert answered(processes[1], Job(3, (Item(blob, 1),))).found[0].reading


def test_at_the_end_none_runs_and_what_they_took_is_counted_as_the_callers(repository: Path, blob: str) -> None:
    before = os.times().children_user
    with born(repository, 2) as (_nursery, processes):
        lines = "".join(f"function f{n}(int $a): int {{ return $a + {n}; }}\n" for n in range(8000))
        big = repository / "src" / "B.php"
        big.write_text(f"<?php\n{lines}", "utf-8")
        made = subprocess.run(["git", "hash-object", "-w", str(big)], cwd=repository, capture_output=True, check=True)
        for each in processes:
            took = answered(each, Job(1, (Item(made.stdout.decode().strip(), 1),))).cpu_s
        pids = [each.pid for each in processes]
    assert not any(map(runs, pids))
    assert took > 0.02
    assert os.times().children_user - before > took


def test_one_that_is_ended_before_it_was_born_leaves_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with Nursery() as nursery:
        process = begun(nursery, repository)
        process.end()
        pid = process.pid
        assert not runs(pid)
    assert list(place.iterdir()) == []


def test_what_a_killed_one_had_started_is_buried_by_the_nursery(repository: Path, blob: str) -> None:
    with born(repository, 1) as (nursery, processes):
        answered(processes[0], Job(1, (Item(blob, 1),)))
        running = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
        started = [pid for pid in running if parent(pid) == processes[0].pid]
        assert started
        os.kill(processes[0].pid, signal.SIGKILL)
        assert processes[0].received() is None
        until = time.monotonic() + WAITED_S
        while {parent(pid) for pid in started} != {nursery.pid}:  # its files are closed first
            assert time.monotonic() < until
            time.sleep(0.01)
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_another_nursery_takes_the_place_of_one_that_was_killed(repository: Path, blob: str) -> None:
    with Nursery() as nursery:
        killed = nursery.pid
        os.kill(killed, signal.SIGKILL)
        while runs(killed):
            time.sleep(0.01)
        process = begun(nursery, repository)
        try:
            assert answered(process, Job(1, (Item(blob, 1),))).found[0].reading
            assert nursery.pid != killed
        finally:
            process.end()


def test_a_nursery_that_nobody_asks_ends_at_once() -> None:
    with Nursery():
        begin = time.monotonic()
    assert time.monotonic() - begin < 2


def test_a_nursery_goes_when_its_caller_goes(repository: Path) -> None:
    """It is killed: nobody ends its processes."""
    source = (
        "import sys, time\nfrom psram.worker.nursery import Nursery\nfrom psram.worker.process import Process\n"
        "nursery = Nursery(); process = Process(nursery)\n"
        "import select; select.select([process], [], []); process.received()\n"
        "print(process.pid, nursery.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pids = [int(word) for word in caller.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(runs, pids))
        caller.kill()
    until = time.monotonic() + WAITED_S
    while any(map(runs, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(runs, pids))
