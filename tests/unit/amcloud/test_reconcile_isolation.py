"""What the isolation probe sees decides whether a revision may serve."""

from __future__ import annotations

from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, START, TWO, image_of, result
from amcloud_story import DEPLOYMENT, conditions, hosted, one_pass, push, settle, stage_conditions

from amcloud.errors import UnavailableError
from amcloud.ports import UnderWay
from amcloud.stages.objects.operations import Key
from amcloud.stages.seen.isolation import Breach, Isolation, TableProbe
from amcloud.stages.seen.walk import Kind, RouteProbe, Seen, Walk

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


READ = RouteProbe("GET", "/services", Kind.LIST, Seen.LEAK, "l'agent d'un autre organisme y lit ses données")
UNCOVERED = RouteProbe("POST", "/services", Kind.WRITE, Seen.UNCOVERED, "réponse 500")
WALKING = UnderWay("La sonde parcourt les routes.", 2.0)


def test_a_new_revision_waits_for_its_walk_and_nothing_of_it_is_applied() -> None:
    outside = hosted()
    outside.walks.seen = WALKING
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "RollingOut")
    assert serving(outside) == image_of(ONE).reference
    assert migrations(outside) == 1
    outside.walks.seen = Isolation(walk=Walk())
    settle(outside)
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == TWO


def test_a_route_that_leaks_stops_the_revision_before_its_migrations() -> None:
    outside = hosted()
    outside.walks.seen = Isolation(walk=Walk((READ,)))
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "TenantLeak")
    assert stage_conditions(outside)["TenantIsolated"] == ("False", "TenantLeak")
    assert serving(outside) == image_of(ONE).reference
    assert migrations(outside) == 1
    said = [s for _, s in outside.forge.statuses if s.name == "amcloud/acceptance"][-1]
    assert "GET /services : l'agent d'un autre organisme y lit ses données" in said.description


def test_a_route_that_is_not_covered_is_told_and_stops_nothing() -> None:
    outside = hosted()
    outside.walks.seen = Isolation(walk=Walk((UNCOVERED,)))
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert stage_conditions(outside)["TenantIsolated"] == ("Unknown", "IsolationUnproven")


def test_a_later_walk_that_leaks_is_told_while_the_revision_serves_on() -> None:
    outside = hosted()
    outside.walks.seen = Isolation(walk=Walk((READ,)))
    settle(outside)
    assert outside.walks.asked[-1] == (ONE, True)
    assert stage_conditions(outside)["TenantIsolated"] == ("False", "TenantLeak")
    assert stage_conditions(outside)["Available"][0] == "True"
    assert serving(outside) == image_of(ONE).reference


def test_a_revision_that_serves_is_not_held_up_by_a_walk_that_waits_for_its_turn_or_fails() -> None:
    for seen, error in ((WALKING, None), (Isolation(), UnavailableError("base : pas de réponse"))):
        outside = hosted()
        outside.walks.seen, outside.walks.error = seen, error
        one_pass(outside)
        assert conditions(outside)["Ready"] == ("True", "Serving")
        assert stage_conditions(outside)["TenantIsolated"] == ("Unknown", "IsolationUnproven")


def test_an_organisation_that_is_served_no_more_keeps_its_data_and_is_named() -> None:
    outside = hosted()
    outside.cluster.apps["cpam-bas-rhin", "suivi-courriers"]["spec"]["organisations"] = ["671"]
    settle(outside)
    (said,) = [event for event in outside.cluster.events if event.reason == "OrganisationLeft"]
    assert "681" in said.message and "ses données restent dans la base" in said.message


def test_an_approved_subscription_is_served_like_the_manifest_s_organisations() -> None:
    outside = hosted(organisations=["671"])
    outside.cluster.subscriptions = frozenset({"681", "999"})
    settle(outside)
    assert outside.cluster.status()["stages"][0]["organisationsServed"] == 2


def serving(outside: FakeWorld) -> str:
    """The image that the Deployment runs."""
    return str(outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"])


def migrations(outside: FakeWorld) -> int:
    """How many migration Jobs there are, or were."""
    return len({key for key in outside.cluster.objects if isinstance(key, Key) and key.kind == "Job"})


def test_an_application_that_goes_and_leaves_its_data_leaves_no_database_of_a_walk() -> None:
    for error in (None, UnavailableError("base : pas de réponse")):
        outside = hosted(deletionPolicy="Retain")
        assert outside.walks.databases
        outside.walks.error = error
        outside.cluster.apps["cpam-bas-rhin", "suivi-courriers"]["metadata"]["deletionTimestamp"] = (
            "2026-03-02T09:00:00Z"
        )
        for _ in range(4):
            one_pass(outside)
        assert not outside.cluster.apps
        assert bool(outside.walks.databases) is bool(error)
        assert outside.database.databases


def test_the_status_lists_the_routes_that_reach_data_the_gravest_first_and_keeps_them_while_nothing_is_asked() -> None:
    closed = RouteProbe("GET", "/courriers", Kind.LIST, Seen.CLOSED)
    nothing = RouteProbe("GET", "/aide", Kind.LIST, Seen.NOTHING)
    outside = hosted()
    outside.walks.seen = Isolation((TableProbe("courrier"),), Walk((closed, nothing, UNCOVERED)), START)
    told = {
        "time": "2026-03-02T08:00:00Z",
        "routes": [
            {"route": "POST /services", "kind": "écriture", "seen": "uncovered", "why": "réponse 500"},
            {"route": "GET /courriers", "kind": "liste", "seen": "closed"},
        ],
    }
    settle(outside)
    assert outside.cluster.status()["stages"][0]["isolation"] == {**told, "tables": 0}
    outside.database.down = True
    one_pass(outside)
    assert outside.cluster.status()["stages"][0]["isolation"] == {**told, "tables": 0}
