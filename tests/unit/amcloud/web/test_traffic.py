"""What keeps notifications from being too many, with a clock of its own."""

from __future__ import annotations

from amcloud.web.traffic import REMEMBERED, SEEN_MOST, SEEN_S, Deliveries, Rates


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_delivery_is_known_for_a_while_and_then_is_one_that_a_person_sends_again() -> None:
    clock = Clock()
    deliveries = Deliveries(clock=clock)
    assert not deliveries.seen("a")
    deliveries.remember("a")
    assert deliveries.seen("a") and not deliveries.seen("b")
    clock.now += SEEN_S + 1
    assert not deliveries.seen("a")


def test_a_delivery_without_a_name_is_never_known() -> None:
    deliveries = Deliveries(clock=Clock())
    deliveries.remember("")
    assert not deliveries.seen("")


def test_what_is_remembered_is_bounded() -> None:
    deliveries, rates = Deliveries(clock=Clock()), Rates(1, 1.0, clock=Clock())
    for number in range(SEEN_MOST + 100):
        deliveries.seen("x")
        deliveries.remember(str(number))
    deliveries.seen("x")
    assert len(deliveries._seen) <= SEEN_MOST
    for number in range(REMEMBERED + 100):
        rates.wait_s(str(number))
    assert len(rates._next) == REMEMBERED


def test_a_rate_lets_a_few_at_once_then_one_after_the_other_and_each_on_its_own() -> None:
    clock = Clock()
    rates = Rates(3, 2.0, clock=clock)
    assert [rates.wait_s("a") for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert rates.wait_s("b") == 0.0
    clock.now += 2.0
    assert [rates.wait_s("a") for _ in range(2)] == [0.0, 2.0]
