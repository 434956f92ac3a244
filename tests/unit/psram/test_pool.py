"""Who reads what: big contents are read first, each alone, no two of them at a time, whatever ends in between."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.errors import CollectError
from psram.worker import pool as pools
from psram.worker.messages import Done, Found, Item, Job, Setup
from psram.worker.pool import Pool

BIG = 128 * 1024
SETUP = Setup("/nowhere", None, 1 << 20, 1 << 30, 100, 10, 60.0)


class Played:
    """A reading process that reads nothing: it answers each job in its turn, or dies when ``dies`` says so."""

    alive: list[Played] = []  # noqa: RUF012  begun anew by each play
    given: list[Job] = []  # noqa: RUF012
    together = 0
    dies: Callable[[Job], bool] = staticmethod(lambda _job: False)

    def __init__(self, _nursery: object) -> None:
        self.jobs: deque[Job] = deque()
        self._out, self._in = os.pipe()
        self.tired = False
        Played.alive.append(self)

    def begin(self, setup: Setup) -> None:
        """Told where to read."""

    def fileno(self) -> int:
        return self._out

    def give(self, job: Job) -> None:
        self.jobs.append(job)
        Played.given.append(job)
        holding = [process for process in Played.alive if any(each.heavy for each in process.jobs)]
        Played.together = max(Played.together, len(holding))
        os.write(self._in, b".")

    def received(self) -> list[Done] | None:
        os.read(self._out, 1)
        if Played.dies(self.jobs[0]):
            return None
        job = self.jobs.popleft()
        return [Done(job.number, tuple(Found(item.blob) for item in job.items))]

    def at_work_on(self) -> int | None:
        return 0

    def kill(self) -> None:
        """Killed; it has not ended yet."""

    def end(self) -> None:
        Played.alive.remove(self)
        os.close(self._out)
        os.close(self._in)


class NoNursery:
    """Nobody is born of it: processes are played."""

    def close(self) -> None:
        """Nothing was begun."""

    end = close


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes are played; none of them is left at the end."""
    monkeypatch.setattr(pools, "Process", Played)
    monkeypatch.setattr(pools, "Nursery", NoNursery)
    monkeypatch.setattr(Played, "dies", staticmethod(lambda _job: False))
    Played.alive = []
    yield
    assert Played.alive == []


def read(sizes: list[int], *, processes: int = 2, more: list[int] | None = None) -> tuple[list[str], Pool]:
    """The contents that were found, in the order of the answers, and the pool; ``more`` are planned afterwards."""
    Played.given, Played.together = [], 0
    with Pool() as pool:
        pool.begin(SETUP, processes=processes)
        pool.plan([(Item(f"{number}"), size) for number, size in enumerate(sizes)])
        if more is not None:
            pool.plan([(Item(f"more {number}"), size) for number, size in enumerate(more)])
        found = [each.blob for done in pool.results(advanced=lambda _count: None) for each in done.found]
    return found, pool


def heavy() -> list[Job]:
    return [job for job in Played.given if job.heavy]


sizes = st.lists(st.sampled_from([0, 10, 5000, BIG - 1, BIG, BIG + 7, 3 * BIG, 8 * BIG]), max_size=90)


@given(sizes, st.integers(1, 3), sizes)
def test_big_contents_are_read_one_a_job_the_biggest_first_and_never_two_at_a_time(
    listed: list[int], processes: int, more: list[int]
) -> None:
    found, _pool = read(listed, processes=processes, more=more)

    every = [f"{number}" for number in range(len(listed))] + [f"more {number}" for number in range(len(more))]
    assert sorted(found) == sorted(every)
    size = dict(zip(every, [*listed, *more], strict=True))
    assert all(len(job.items) == 1 and size[job.items[0].blob] >= BIG for job in heavy())
    assert sum(size[blob] >= BIG for blob in every) == len(heavy())
    for planned in (every[: len(listed)], every[len(listed) :]):
        given_sizes = [size[job.items[0].blob] for job in heavy() if job.items[0].blob in planned]
        assert given_sizes == sorted(given_sizes, reverse=True)
    assert Played.together <= 1


def test_big_contents_are_given_before_the_small_ones() -> None:
    read([10] * 200 + [BIG, 3 * BIG], processes=1)

    assert [job.items[0].blob for job in Played.given[:2]] == ["201", "200"]


def test_a_process_reads_small_ones_while_another_has_a_big_one() -> None:
    read([BIG, 2 * BIG, 3 * BIG] + [10] * 40)

    assert [job.heavy for job in Played.given[:4]] == [True, True, False, False]


def test_a_big_content_that_waited_in_a_process_that_died_is_read_alone_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process dies of a small content before it: nothing is lost, and still no two are read at a time."""
    deaths: list[int] = []

    def dies(job: Job) -> bool:
        if len(deaths) < 3 and not job.heavy and len(job.items) > 1:
            deaths.append(job.number)
            return True
        return False

    monkeypatch.setattr(Played, "dies", staticmethod(dies))
    found, pool = read([10] * 30, more=[BIG, 2 * BIG, 3 * BIG, 4 * BIG])

    assert len(deaths) == 3
    assert sorted(found) == sorted([f"{n}" for n in range(30)] + [f"more {n}" for n in range(4)])
    assert pool.hostile == set()
    assert Played.together <= 1
    assert all(len(job.items) == 1 for job in heavy())


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.sets(st.integers(0, 11), max_size=6))
def test_a_big_content_that_kills_is_hostile_and_the_next_one_is_read(big: list[int], killers: set[int]) -> None:
    fatal = {f"{number}" for number in killers}
    before, Played.dies = Played.dies, staticmethod(lambda job: job.items[0].blob in fatal)
    try:
        found, pool = read([BIG * times for times in big] + [10] * 20)
    finally:
        Played.dies = before

    every = {f"{number}" for number in range(len(big) + 20)}
    dead = fatal & {f"{number}" for number in range(len(big))}
    assert pool.hostile - dead <= fatal
    assert {*found} | pool.hostile == every
    assert dead <= pool.hostile
    assert Played.together <= 1


def test_a_process_that_dies_before_it_begins_with_a_big_content_ends_the_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Played, "dies", staticmethod(lambda job: job.heavy))
    monkeypatch.setattr(Played, "at_work_on", lambda _self: None)

    with pytest.raises(CollectError, match="interrompue"):
        read([BIG, 10])
