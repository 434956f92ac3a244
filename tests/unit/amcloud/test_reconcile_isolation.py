"""What the isolation probe sees decides whether a revision may serve."""

from __future__ import annotations

from amcloud_samples import ONE, TWO, image_of, result
from amcloud_story import DEPLOYMENT, conditions, hosted, push, settle, stage_conditions

from amcloud.stages.isolation import Breach, Isolation, TableProbe

LEAK = Isolation((TableProbe("courrier", (Breach.READ,)),))
DOUBT = Isolation((TableProbe("forme", unproven="colonne lieu de type point"),))


def test_an_isolated_database_is_told() -> None:
    outside = hosted()
    assert stage_conditions(outside)["TenantIsolated"] == ("True", "TenantIsolated")


def test_a_leak_stops_the_rollout_and_the_previous_revision_keeps_serving() -> None:
    outside = hosted()
    outside.database.seen = LEAK
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "TenantLeak")
    assert stage_conditions(outside)["TenantIsolated"] == ("False", "TenantLeak")
    assert stage_conditions(outside)["Available"][0] == "True"
    image = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == image_of(ONE).reference
    said = [s for _, s in outside.forge.statuses if s.name == "amcloud/acceptance"][-1]
    assert said.state == "failed"
    assert "courrier : un organisme peut lire les lignes d'un autre" in said.description


def test_a_leak_that_is_closed_lets_the_revision_serve() -> None:
    outside = hosted()
    outside.database.seen = LEAK
    push(outside, TWO)
    settle(outside)
    outside.database.seen = Isolation()
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == TWO


def test_a_leak_found_while_a_newer_commit_is_refused_does_not_hide_the_refusal() -> None:
    outside = hosted()
    outside.database.seen = LEAK
    outside.conformance.results[TWO] = (result("SEC-001"),)
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "NotConformant")
    assert stage_conditions(outside)["TenantIsolated"] == ("False", "TenantLeak")


def test_doubt_is_told_and_stops_nothing() -> None:
    outside = hosted()
    outside.database.seen = DOUBT
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert stage_conditions(outside)["TenantIsolated"] == ("Unknown", "IsolationUnproven")
