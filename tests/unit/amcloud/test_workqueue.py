"""The queue: one pass at a time an application, none forgotten, later and later on trouble."""

from __future__ import annotations

import random
import threading

import pytest

from amcloud.workqueue import BACKOFF_MOST_S, Key, WorkQueue

A, B = Key("ns", "a"), Key("ns", "b")


class Clock:
    """Time that stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue:
    return WorkQueue(clock=clock, chance=random.Random(1))


def ready(queue: WorkQueue) -> list[Key]:
    """What can be taken now; it stays taken."""
    taken = []
    while queue.waiting:
        key = queue.take()
        assert key is not None
        taken.append(key)
    return taken


def test_the_key_that_is_due_longest_comes_first(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A, after_s=5)
    queue.add(B, after_s=1)
    assert ready(queue) == []
    clock.now += 10
    assert ready(queue) == [B, A]


def test_asking_again_makes_a_pass_sooner_and_never_later(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A, after_s=100)
    queue.add(A)
    queue.add(A, after_s=50)
    assert ready(queue) == [A]
    clock.now += 200
    assert ready(queue) == []


def test_an_app_is_never_passed_over_twice_at_once_and_asking_meanwhile_means_once_more(queue: WorkQueue) -> None:
    queue.add(A)
    assert ready(queue) == [A]
    for _ in range(10):
        queue.add(A)
    assert ready(queue) == []
    queue.done(A, after_s=None)
    assert ready(queue) == [A]
    queue.done(A, after_s=None)
    assert ready(queue) == []


def test_what_was_asked_during_a_pass_wins_over_its_delay(queue: WorkQueue) -> None:
    queue.add(A)
    ready(queue)
    queue.add(A)
    queue.done(A, after_s=300)
    assert ready(queue) == [A]


def test_trouble_is_met_later_and_later_up_to_a_limit_and_forgotten_after_a_success(
    queue: WorkQueue, clock: Clock
) -> None:
    delays = []
    for _ in range(12):
        queue.add(A)
        ready(queue)
        queue.done(A, after_s=0, troubled=True, jitter=0)
        start = clock.now
        while not queue.waiting:
            clock.now += 0.5
        delays.append(clock.now - start)
    assert delays == sorted(delays)
    assert delays[0] <= 2 and delays[-1] == BACKOFF_MOST_S
    ready(queue)
    queue.done(A, after_s=None)
    queue.add(A)
    ready(queue)
    queue.done(A, after_s=0, troubled=True, jitter=0)
    clock.now += 1
    assert ready(queue) == [A]


def test_delays_are_spread(clock: Clock) -> None:
    queue = WorkQueue(clock=clock, chance=random.Random(1))
    keys = [Key("ns", str(number)) for number in range(50)]
    for key in keys:
        queue.add(key)
    for key in ready(queue):
        queue.done(key, after_s=100)
    clock.now += 100
    assert 10 < len(ready(queue)) < 40


def test_a_forgotten_key_is_not_taken(queue: WorkQueue) -> None:
    queue.add(A)
    queue.forget(A)
    assert ready(queue) == []


def test_a_key_that_came_back_while_its_pass_found_it_gone_is_not_lost(queue: WorkQueue) -> None:
    queue.add(A)
    ready(queue)
    queue.add(A)
    queue.finish(A)
    assert ready(queue) == [A]


def test_a_waiting_worker_wakes_when_something_is_asked_and_when_the_queue_closes() -> None:
    queue, taken = WorkQueue(), []
    worker = threading.Thread(target=lambda: taken.extend([queue.take(), queue.take()]), daemon=True)
    worker.start()
    queue.add(A)
    queue.close()
    worker.join(5)
    assert not worker.is_alive()
    assert set(taken) <= {A, None} and None in taken


def test_the_oldest_pass_tells_its_age(queue: WorkQueue, clock: Clock) -> None:
    assert queue.longest_pass_s == 0
    queue.add(A)
    ready(queue)
    clock.now += 42
    assert queue.longest_pass_s == 42
