"""The forge's budget: a pace for all, a pause when it is asked for, one knock at a forge that is down."""

from __future__ import annotations

import random

import pytest

from amcloud.clients.budget import KNOCK_S, PAUSE_MOST_S, SUBJECTS_DOWN, Budget, ForgePausedError
from amcloud.errors import ForgeUnavailableError, RepositoryRefusedError


class Clock:
    """Time that goes by when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def made(per_minute: float = 600.0) -> tuple[Budget, Clock]:
    clock = Clock()
    return Budget(per_minute, clock=clock, sleep=clock.sleep, chance=random.Random(1)), clock


def fail(budget: Budget, subject: str, *, retry_after_s: float | None = None) -> None:
    with pytest.raises(ForgeUnavailableError), budget.asking(subject, requests=1):
        raise ForgeUnavailableError("503", retry_after_s=retry_after_s)


def down(budget: Budget) -> None:
    for number in range(SUBJECTS_DOWN):
        fail(budget, f"groupe/projet-{number}")


def refused(budget: Budget) -> bool:
    try:
        budget.spend()
    except ForgePausedError:
        return True
    return False


def test_requests_beyond_a_short_burst_come_at_the_pace() -> None:
    budget, clock = made(per_minute=60)
    began = clock.now
    for _ in range(70):
        budget.spend()
    assert 59.0 <= clock.now - began <= 61.0


def test_without_a_pace_nobody_waits() -> None:
    clock = Clock()
    budget = Budget(clock=clock, sleep=clock.sleep)
    for _ in range(10_000):
        budget.spend()
    assert clock.now == 1000.0


def test_a_pause_that_the_forge_asks_for_holds_for_everybody_and_ends_by_itself() -> None:
    budget, clock = made()
    fail(budget, "groupe/un", retry_after_s=42.0)
    with pytest.raises(ForgePausedError) as caught:
        budget.spend()
    assert caught.value.retry_after_s is not None and 42.0 <= caught.value.retry_after_s <= 84.0
    clock.now += 42.1
    assert not refused(budget)


def test_one_project_in_trouble_stops_nobody() -> None:
    budget, _ = made()
    for _ in range(20):
        fail(budget, "groupe/malade")
    assert not refused(budget)


def test_a_good_answer_between_failures_means_that_the_forge_is_up() -> None:
    budget, _ = made()
    for number in range(20):
        fail(budget, f"groupe/{number}")
        budget.answered()
    assert not refused(budget)


def test_a_refusal_is_an_answer() -> None:
    budget, _ = made()
    for number in range(20):
        fail(budget, f"groupe/{number}")
        with pytest.raises(RepositoryRefusedError), budget.asking("groupe/autre"):
            raise RepositoryRefusedError("privé")
    assert not refused(budget)


def test_a_forge_that_is_down_gets_one_knock_at_a_time_later_and_later() -> None:
    budget, clock = made()
    down(budget)
    pauses = []
    for _ in range(12):
        pauses.append(budget.paused_s)
        assert refused(budget)
        clock.now += budget.paused_s + 0.001
        budget.spend()
        assert refused(budget), "the others wait for what the knock brings"
        with pytest.raises(ForgeUnavailableError), budget.asking("groupe/x"):
            raise ForgeUnavailableError("503")
    assert pauses[:5] == sorted(pauses[:5]) and pauses[0] < 10
    assert all(PAUSE_MOST_S * 0.8 <= pause <= PAUSE_MOST_S * 1.2 for pause in pauses[6:])


def test_a_forge_that_answers_again_is_open_to_all_at_once() -> None:
    budget, clock = made()
    down(budget)
    clock.now += budget.paused_s + 0.001
    with budget.asking("groupe/x", requests=1):
        pass
    assert budget.paused_s == 0.0 and not refused(budget)


def test_a_knock_that_never_comes_back_is_followed_by_another() -> None:
    budget, clock = made()
    down(budget)
    clock.now += budget.paused_s + 0.001
    budget.spend()
    clock.now += KNOCK_S + 0.001
    assert not refused(budget)


def test_the_sentence_of_a_pause_is_the_same_each_time() -> None:
    budget, clock = made()
    down(budget)
    told = set()
    for _ in range(5):
        with pytest.raises(ForgePausedError) as caught:
            budget.spend()
        told.add(str(caught.value))
        clock.now += 0.5
    assert len(told) == 1
