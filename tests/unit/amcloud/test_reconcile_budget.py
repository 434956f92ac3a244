"""A pass within an organisation's budget: refused with figures before anything exists, never stopped once it serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, TWO, manifest
from amcloud_story import DEPLOYMENT, hosted, push, settle, stage_conditions

from amcloud.stages.build import PipelineStatus
from amcloud.stages.declared.app import Allowance


def bounded(outside: FakeWorld, **allowance: int) -> None:
    """The DDSI bounds the owning organisation."""
    owner = outside.cluster.organisations_by_code["671"]
    outside.cluster.organisations_by_code["671"] = replace(owner, allowance=Allowance(**allowance))


def stage(outside: FakeWorld) -> dict[str, Any]:
    (found,) = outside.cluster.status()["stages"]
    return dict(found)


def memory_of(outside: FakeWorld) -> str:
    """What one replica of the instance may take, as it was applied."""
    (container,) = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    return str(container["resources"]["limits"]["memory"])


def refused() -> FakeWorld:
    """A world where a new application costs more than its organisation may spend."""
    outside = FakeWorld()
    bounded(outside, yearly_euros=1000)
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    return outside


def test_a_new_instance_beyond_the_budget_has_its_verdict_and_nothing_else() -> None:
    outside = refused()
    assert stage_conditions(outside)["Ready"] == ("False", "BudgetExceeded")
    assert stage_conditions(outside)["Conformant"] == ("True", "Conformant")
    assert "1000 € par an" in outside.cluster.status()["summary"]["message"]
    assert not outside.cluster.objects and not outside.database.databases
    assert ("amcloud/acceptance", "failed") in [(s.name, s.state) for _, s in outside.forge.statuses]


def test_a_raised_budget_lets_it_in() -> None:
    outside = refused()
    bounded(outside, yearly_euros=1200)
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")
    assert stage(outside)["size"] == "small"


def test_what_serves_takes_its_next_revision_in_its_size_when_growth_is_beyond_the_budget() -> None:
    outside = hosted()
    bounded(outside, yearly_euros=1200)
    outside.cluster.add(manifest(generation=2, hosting={"size": "large"}))
    push(outside, TWO)
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")
    assert (stage(outside)["deployedCommit"], stage(outside)["size"]) == (TWO, "small")
    (problem,) = outside.cluster.status()["problems"]
    assert problem["path"] == "spec.hosting.size"
    assert "reste en taille small" in problem["message"]
    assert memory_of(outside) == memory_of(hosted()) != memory_of(hosted(hosting={"size": "large"}))


def test_a_budget_that_is_lowered_below_what_serves_changes_nothing() -> None:
    outside = hosted()
    before = len(outside.effects)
    bounded(outside, yearly_euros=0, instances=0)
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")
    assert len(outside.effects) == before
