"""A database that fills up is told, by steps; nothing is refused for it."""

from __future__ import annotations

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import TWO
from amcloud_story import conditions, hosted, one_pass, push, settle, stage_conditions

from amcloud.stages.seen.storage import GIB, Storage

ASKED = 5


def at(percent: float) -> FakeWorld:
    """An application whose database takes that part of the 5 GiB that it gets by default."""
    outside = hosted()
    outside.database.bytes_used = int(ASKED * GIB * percent / 100)
    settle(outside)
    return outside


@pytest.mark.parametrize(
    ("used", "step"),
    [
        pytest.param(0, None, id="empty"),
        pytest.param(4 * GIB - 1, None, id="one byte below 80 %"),
        pytest.param(4 * GIB, 80, id="80 %"),
        pytest.param(int(4.5 * GIB), 90, id="90 %"),
        pytest.param(5 * GIB - 1, 90, id="one byte below the whole"),
        pytest.param(5 * GIB, 100, id="the whole"),
        pytest.param(50 * GIB, 100, id="ten times the whole"),
    ],
)
def test_what_is_told_goes_by_steps(used: int, step: int | None) -> None:
    found = Storage(used, ASKED)
    assert found.step == step
    assert bool(found.sentence()) is (step is not None)
    assert found.exceeded is (step == 100)


def test_room_enough_is_not_told() -> None:
    outside = at(79)
    assert "problems" not in outside.cluster.status()
    assert stage_conditions(outside)["DatabaseReady"] == ("True", "DatabaseReady")


def test_from_80_percent_on_it_is_a_problem_that_names_the_field_and_the_stage() -> None:
    outside = at(83)
    (problem,) = outside.cluster.status()["problems"]
    assert problem["path"] == "spec.hosting.database.storage"
    assert problem["message"].startswith("acceptance : la base occupe plus de 80 % des 5 Gio demandés")
    assert stage_conditions(outside)["DatabaseReady"] == ("True", "DatabaseReady")
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_a_database_that_grows_within_a_step_changes_nothing_that_is_written() -> None:
    outside = at(81)
    before = len(outside.effects)
    outside.database.bytes_used = int(ASKED * GIB * 0.88)
    one_pass(outside)
    assert len(outside.effects) == before
    assert sum(event.reason == "ProblemFound" for event in outside.cluster.events) == 1


def test_a_full_database_has_a_reason_of_its_own_and_new_revisions_go_on() -> None:
    outside = at(130)
    assert stage_conditions(outside)["DatabaseReady"] == ("True", "StorageExceeded")
    assert "Rien n'est coupé ni refusé" in outside.cluster.status()["problems"][0]["message"]
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == TWO


def test_more_room_asked_for_or_less_used_ends_the_problem() -> None:
    outside = at(130)
    outside.database.bytes_used = GIB
    settle(outside)
    assert "problems" not in outside.cluster.status()
    assert stage_conditions(outside)["DatabaseReady"] == ("True", "DatabaseReady")
