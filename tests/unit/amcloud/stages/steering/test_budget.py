"""An organisation's allowance: what is refused, what is put off, and that nothing that serves is ever touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages import manifest
from amcloud.stages.declared.app import Allowance, App, Organisation, Size, Stage, StageName, Track
from amcloud.stages.objects.operations import Object
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.steering import budget, cost
from amcloud.stages.steering.cost import Instance

PRICES: Mapping[str, Mapping[str, Any]] = {
    "small": {"yearlyEuros": 1200}, "medium": {"yearlyEuros": 2400}, "large": {"yearlyEuros": 4800},
}  # fmt: skip
SMALL, MEDIUM, LARGE = Size("small"), Size("medium"), Size("large")


def instance(name: str, asked: Size = SMALL, held: Size | None = None, *, since: str = "2026-01-01") -> Instance:
    return Instance(
        organisation="671",
        namespace="cpam-bas-rhin",
        app=name,
        track=Track.HOMOLOGATION,
        stage=StageName.ACCEPTANCE,
        asked=asked,
        held=held,
        since=since,
        asked_euros=cost.price(asked, PRICES),
        held_euros=(cost.price(held, PRICES) or 0) if held else 0,
    )


def names(found: frozenset[Instance]) -> set[str]:
    return {one.app for one in found}


@pytest.mark.parametrize(
    ("fleet", "allowance", "granted"),
    [
        pytest.param((instance("a"), instance("b")), Allowance(2400), {"a", "b"}, id="both fit"),
        pytest.param(
            (instance("b", since="2026-02-01"), instance("a")), Allowance(1200), {"a"}, id="the older comes first"
        ),
        pytest.param(
            (instance("a", LARGE), instance("b", since="2026-02-01")), Allowance(1200), {"b"}, id="a smaller one passes"
        ),
        pytest.param((instance("a"), instance("b", held=SMALL)), Allowance(1200), {"b"}, id="what serves counts first"),
        pytest.param((instance("a", held=SMALL),), Allowance(0), {"a"}, id="what serves is never questioned"),
        pytest.param((instance("a", LARGE, SMALL),), Allowance(1200), set(), id="a growth is put off"),
        pytest.param((instance("a", SMALL, LARGE),), Allowance(0), {"a"}, id="a smaller size is always given"),
        pytest.param((instance("a"), instance("b")), Allowance(instances=1), {"a"}, id="by number"),
        pytest.param((instance("a", LARGE, SMALL),), Allowance(instances=1), {"a"}, id="a growth is no new instance"),
        pytest.param((instance("a"),), Allowance(), {"a"}, id="no bound"),
    ],
)
def test_what_an_allowance_pays_for(fleet: tuple[Instance, ...], allowance: Allowance, granted: set[str]) -> None:
    assert names(budget.granted(fleet, allowance)) == granted


SIZES = st.sampled_from(list(Size))
INSTANCES = st.builds(
    instance,
    st.uuids().map(str),
    SIZES,
    st.one_of(st.none(), SIZES),
    since=st.sampled_from(["2026-01-01", "2026-02-01"]),
)


@given(st.lists(INSTANCES, max_size=12), st.integers(0, 30000), st.integers(0, 12))
def test_nothing_granted_exceeds_the_allowance_more_than_what_serves_already_does(
    fleet: list[Instance], euros: int, most: int
) -> None:
    found = budget.granted(fleet, Allowance(euros, most))
    assert budget.granted(fleet[::-1], Allowance(euros, most)) == found
    after = sum((one.asked_euros or 0) if one in found else one.held_euros for one in fleet)
    assert after <= max(euros, budget.spent(fleet).euros)
    number = sum(one in found or one.held is not None for one in fleet)
    assert number <= max(most, budget.spent(fleet).instances)


def local_app(name: str = "suivi", *, size: str = "small", served: str = "", track: str = "homologation") -> Object:
    entry = {"name": "acceptance", "deployedCommit": "1" * 40, "size": served} if served else {"name": "acceptance"}
    return {
        "metadata": {
            "name": name, "namespace": "cpam-bas-rhin", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "title": "Suivi (exemple)", "owner": {"organisation": "671"}, "track": track,
            "repository": {"project": f"cpam-bas-rhin/{name}"},
            "stages": [{"name": "acceptance", "ref": {"branch": "main"}}], "hosting": {"size": size},
        },
        "status": {"stages": [entry]},
    }  # fmt: skip


def parse(found: Object) -> App:
    known = {"671": Organisation("671", "CPAM (exemple)", "cpam-bas-rhin", "cpam-bas-rhin")}
    return manifest.parse(found, known, lambda _: "671")


def fleet(*found: Object) -> tuple[Instance, ...]:
    return cost.instances(found, parse, PRICES)


def test_instances_are_read_from_what_is_declared_and_what_serves() -> None:
    (one,) = fleet(local_app(size="large", served="small"))
    assert (one.asked, one.held, one.asked_euros, one.held_euros, one.growth) == (LARGE, SMALL, 4800, 1200, 3600)
    (new,) = fleet(local_app())
    assert (new.held, new.held_euros, new.growth) == (None, 0, 1200)
    (older,) = fleet(local_app(served="inconnue"))
    assert older.held is SMALL


def test_what_is_not_hosted_or_cannot_be_read_costs_nothing() -> None:
    assert fleet(local_app(track="hors-standard"), {"metadata": {}, "spec": {}}) == ()


def outcome(stage: Stage, was: Revision | None) -> StageOutcome:
    admitted = Revision("2" * 40, "registre.example/p@sha256:" + "2" * 64)
    return replace(StageOutcome.begin(stage.name, was), deployed=admitted, commit="2" * 40)


SERVED = Revision("1" * 40, "registre.example/p@sha256:" + "1" * 64)


def test_a_new_instance_beyond_the_allowance_is_refused_with_its_figures() -> None:
    found = local_app()
    app = parse(found)
    kept, after = budget.applied(app, app.stages[0], outcome(app.stages[0], None), fleet(found), Allowance(1000))
    assert (kept, after.deployed, after.reason) == (app, None, Reason.BUDGET_EXCEEDED)
    assert "+1200 € par an" in after.sentence and "1000 € par an" in after.sentence and "amcloud cost" in after.sentence


def test_a_growth_beyond_the_allowance_keeps_the_size_and_lets_the_revision_through() -> None:
    found = local_app(size="large", served="small")
    app = parse(found)
    kept, after = budget.applied(app, app.stages[0], outcome(app.stages[0], SERVED), fleet(found), Allowance(1200))
    assert kept.size(kept.stages[0]) is SMALL
    assert after.deployed is not None and after.deployed.commit == "2" * 40 and not after.over
    assert "reste en taille small" in after.put_off


def test_an_instance_that_was_let_in_and_does_not_serve_yet_is_not_turned_out() -> None:
    found = local_app()
    app = parse(found)
    before = outcome(app.stages[0], SERVED)
    assert budget.applied(app, app.stages[0], before, fleet(found), Allowance(0)) == (app, before)
