"""Suspended hosting in the story: by whom, until when, and what becomes of the service."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, ORGANISATIONS, START, TWO, manifest
from amcloud_story import DEPLOYMENT, NAME, PLACE, conditions, hosted, one_pass, push, settle, stage_conditions

from amcloud import errors
from amcloud.stages.declared.app import Authority, Service, Suspension
from amcloud.stages.gate import stops, suspended
from amcloud.stages.manifest import parse
from amcloud.stages.objects.operations import Key
from amcloud.stages.steering import suspension

STOP = {"reason": "Fuite de données.", "author": "camille", "service": "Stop"}
DDSI = Suspension("Contrôle en cours", author="dominique", by=Authority.DDSI)


def message(outside: FakeWorld) -> str:
    return str(outside.cluster.status()["conditions"][0]["message"])


def kinds(outside: FakeWorld) -> set[str]:
    return {key.kind for key in outside.cluster.objects if key.namespace == PLACE}


def running(outside: FakeWorld) -> int:
    return int(outside.cluster.objects[DEPLOYMENT]["spec"].get("replicas", 2))


SCHEDULED: dict[str, Any] = {
    "hosting": {"schedules": [{"name": "relances", "schedule": "0 6 * * 1-5", "command": ["bin/console", "x"]}]}
}


class TestStopped:
    def stopped(self, **spec: Any) -> FakeWorld:
        outside = hosted(**SCHEDULED)
        outside.cluster.add(manifest(generation=2, suspend={**STOP, **spec}, **SCHEDULED))
        settle(outside)
        return outside

    def test_nothing_runs_and_everything_else_stays(self) -> None:
        outside = self.stopped()
        assert running(outside) == 0
        assert not kinds(outside) & {"HorizontalPodAutoscaler", "CronJob"}
        assert kinds(outside) >= {"Deployment", "Service", "Ingress", "Secret", "ConfigMap", "NetworkPolicy"}
        assert outside.database.databases
        assert stage_conditions(outside)["Available"] == ("False", "Suspended")
        assert conditions(outside)["Stalled"] == ("True", "Suspended")
        assert "par l'organisme (camille)" in message(outside) and "Fuite de données." in message(outside)

    def test_it_is_no_write_at_all_once_it_is_stopped(self) -> None:
        outside = self.stopped()
        before = len(outside.effects)
        one_pass(outside)
        assert len(outside.effects) == before

    def test_lifting_it_brings_back_what_ran_and_blames_nobody(self) -> None:
        outside = self.stopped()
        outside.cluster.add(manifest(generation=3, **SCHEDULED))
        settle(outside)
        assert running(outside) == 2
        assert kinds(outside) >= {"HorizontalPodAutoscaler", "CronJob"}
        assert conditions(outside)["Ready"] == ("True", "Serving")
        assert "DriftRestored" not in {event.reason for event in outside.cluster.events}

    def test_it_ends_by_itself_at_its_time(self) -> None:
        outside = self.stopped(until="2026-03-02T09:00:00Z")
        after = one_pass(outside)
        assert after is not None and after.after_s is not None and after.after_s <= 3600
        outside.passes(3600)
        settle(outside)
        assert running(outside) == 2
        assert conditions(outside)["Ready"] == ("True", "Serving")

    def test_it_stops_what_serves_even_when_forge_registry_and_database_are_down(self) -> None:
        outside = hosted()
        outside.forge.down = outside.database.down = outside.registry.down = True
        outside.source.error = errors.ForgeUnavailableError("forge")
        outside.cluster.add(manifest(generation=2, suspend=STOP))
        for _ in range(3):
            one_pass(outside)
        assert running(outside) == 0
        assert stage_conditions(outside)["Ready"] == ("False", "Suspended")

    def test_what_somebody_starts_again_by_hand_is_stopped_again(self) -> None:
        outside = self.stopped()
        outside.cluster.objects[DEPLOYMENT]["spec"]["replicas"] = 3
        one_pass(outside)
        assert running(outside) == 0

    def test_a_newer_commit_is_still_read_for_its_developers(self) -> None:
        outside = self.stopped()
        push(outside, TWO)
        settle(outside)
        assert outside.cluster.status()["stages"][0]["lastAttemptedCommit"] == TWO
        assert "suspendu" in outside.forge.last(TWO, "amcloud/acceptance").description


class TestByTheDdsi:
    def test_it_holds_whatever_the_organisation_writes(self) -> None:
        outside = hosted()
        outside.cluster.suspensions["cpam-bas-rhin", NAME] = DDSI
        push(outside, TWO)
        settle(outside)
        assert conditions(outside)["Ready"] == ("False", "Suspended")
        assert "par la DDSI (dominique)" in message(outside)
        outside.cluster.add(manifest(generation=2, suspend=None))
        settle(outside)
        assert outside.cluster.status()["stages"][0]["deployedCommit"] == ONE

    def test_it_holds_for_an_application_that_is_declared_anew(self) -> None:
        outside = FakeWorld()
        outside.cluster.suspensions["cpam-bas-rhin", NAME] = DDSI
        outside.cluster.add(manifest(uid="uid-neuf"))
        settle(outside)
        assert conditions(outside)["Ready"] == ("False", "Suspended")

    def test_lifted_by_the_ddsi_hosting_goes_on(self) -> None:
        outside = hosted()
        outside.cluster.suspensions["cpam-bas-rhin", NAME] = DDSI
        push(outside, TWO)
        settle(outside)
        del outside.cluster.suspensions["cpam-bas-rhin", NAME]
        settle(outside)
        assert outside.cluster.status()["stages"][0]["deployedCommit"] == TWO


OWN = Suspension("Bascule.", author="camille", service=Service.STOP)
LATER, EARLIER = START + timedelta(days=2), START - timedelta(days=1)


@pytest.mark.parametrize(
    ("own", "other", "by", "stopped", "until"),
    [
        pytest.param(None, None, None, False, None, id="none"),
        pytest.param(OWN, None, Authority.ORGANISATION, True, None, id="the organisation's"),
        pytest.param(None, DDSI, Authority.DDSI, False, None, id="the DDSI's"),
        pytest.param(OWN, DDSI, Authority.DDSI, True, None, id="both: the stricter effect, the DDSI told"),
        pytest.param(
            Suspension("x", EARLIER, service=Service.STOP), DDSI, Authority.DDSI, False, None, id="own has ended"
        ),
        pytest.param(
            Suspension("x", LATER), Suspension("y", START + timedelta(hours=1), by=Authority.DDSI),
            *(Authority.DDSI, False, LATER), id="both end: the later one",
        ),
        pytest.param(Suspension("x", EARLIER), None, None, False, None, id="ended"),
    ],
)  # fmt: skip
def test_the_suspension_that_holds(
    own: Suspension | None, other: Suspension | None, by: Authority | None, stopped: bool, until: datetime | None
) -> None:
    app = parse(manifest(), ORGANISATIONS, {"cpam-bas-rhin": "671"}.get)
    found = suspension.suspended_by(replace(app, suspension=own), other, now=START)
    held = found.suspension if suspension.ends_in_s(found, now=START) or found.suspension else None
    assert stops(held, START) is stopped
    if by is not None:
        assert held is not None and (held.by, held.until) == (by, until)
    assert (suspension.ends_in_s(found, now=START) is None) is (until is None)


def test_a_suspension_that_cannot_be_read_holds() -> None:
    held = suspension.imposed({"spec": {"until": "demain"}})
    assert held is not None and held.by is Authority.DDSI
    assert "compte quand même" in suspended(held)
    assert suspension.imposed(None) is None


def test_the_sentence_ends_well_whatever_people_write() -> None:
    words = suspended(Suspension("Essai", datetime(2026, 12, 31, tzinfo=UTC)))
    assert "jusqu'au 31/12/2026 01:00 (heure de Paris) : Essai. Aucune" in words


def test_only_what_would_start_something_again_is_removed() -> None:
    outside = hosted(**SCHEDULED)
    live = {key: copy.deepcopy(one) for key, one in outside.cluster.objects.items() if isinstance(key, Key)}
    removed = [o for o in suspension.stopping(live) if not hasattr(o, "replicas")]
    assert {o.key.kind for o in removed if hasattr(o, "key")} == {"HorizontalPodAutoscaler", "CronJob"}
