"""New credentials are rolled out by an ordinary pass; the former ones end when no pod holds them."""

from __future__ import annotations

from typing import Any

import pytest
from amcloud_fakes import FakeWorld
from amcloud_story import DEPLOYMENT, NAME, PLACE, conditions, hosted, one_pass, settle

from amcloud.settings import ROTATE
from amcloud.stages import manifest, render
from amcloud.stages.objects.operations import Key
from amcloud.stages.render import HELD

TOKEN = "2026-03-02T08:00:00.000000Z"
SECRET = Key("", "Secret", PLACE, "amcloud-credentials")


def ask(outside: FakeWorld, value: str = TOKEN) -> None:
    metadata = outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"]
    metadata.setdefault("annotations", {})[ROTATE + "acceptance"] = value


def pod(held: str | None, *, component: str = "web", phase: str = "Running") -> dict[str, Any]:
    annotations = {HELD: held} if held else {}
    labels = {"app.kubernetes.io/component": component}
    return {"metadata": {"name": "p", "labels": labels, "annotations": annotations}, "status": {"phase": phase}}


def held(outside: FakeWorld) -> str:
    found: str = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"][HELD]
    return found


def stage(outside: FakeWorld) -> dict[str, Any]:
    found: dict[str, Any] = outside.cluster.status()["stages"][0]
    return found


def retired(outside: FakeWorld) -> int:
    return sum(effect[0] == "retire" for effect in outside.effects)


def test_without_a_request_nothing_is_renewed_or_said() -> None:
    outside = hosted()
    assert "credentialsRotation" not in stage(outside)
    assert "rotation" not in outside.cluster.objects[SECRET]["data"]


def test_a_request_changes_the_secret_and_the_pods_once_then_ends_the_former_credentials() -> None:
    outside = hosted()
    before = held(outside)
    ask(outside)
    settle(outside)
    assert held(outside) != before
    assert stage(outside)["credentialsRotation"] == TOKEN
    assert retired(outside) == 1
    assert conditions(outside)["Ready"] == ("True", "Serving")
    quiet = len(outside.effects)
    one_pass(outside)
    assert len(outside.effects) == quiet


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(pod("ancien"), id="a replica that still ends"),
        pytest.param(pod("ancien", component="schedule"), id="a scheduled command under way"),
        pytest.param(pod(None), id="a replica of before credentials were told"),
    ],
)
def test_former_credentials_stay_as_long_as_a_pod_holds_them(old: dict[str, Any]) -> None:
    outside = hosted()
    ask(outside)
    outside.cluster.running = (old,)
    after = one_pass(outside)
    assert after is not None
    assert after.after_s == 5.0
    assert retired(outside) == 0
    assert "credentialsRotation" not in stage(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    outside.cluster.running = (pod(held(outside)), pod("ancien", component="schedule", phase="Succeeded"))
    one_pass(outside)
    assert retired(outside) == 1
    assert stage(outside)["credentialsRotation"] == TOKEN


def test_a_second_request_waits_for_the_end_of_the_first() -> None:
    outside = hosted()
    ask(outside)
    outside.cluster.running = (pod("ancien"),)
    one_pass(outside)
    first = held(outside)
    ask(outside, "autre")
    one_pass(outside)
    assert held(outside) == first
    outside.cluster.running = ()
    settle(outside)
    assert stage(outside)["credentialsRotation"] == "autre"
    assert retired(outside) == 2


@pytest.mark.parametrize("value", ["", "x" * 41, "a b", "t/app-secrets", "é", 7, None])
def test_an_annotation_that_is_no_request_is_none(value: Any) -> None:
    outside = hosted()
    before = held(outside)
    ask(outside, value)
    settle(outside)
    assert held(outside) == before


def test_the_request_says_whether_app_secret_is_renewed_too() -> None:
    found = hosted().cluster.apps["cpam-bas-rhin", NAME]
    found["metadata"]["annotations"] = {ROTATE + "acceptance": f"{TOKEN}/app-secret"}
    app = manifest.parse(found, FakeWorld().cluster.organisations(), lambda _: "671")
    assert app.stages[0].rotation == manifest.Rotation(TOKEN, app_secret=True)


def test_what_the_fingerprint_is_made_of_is_not_the_migration_s_business() -> None:
    outside = hosted()
    jobs = {key for key in outside.cluster.objects if key.kind == "Job"}
    ask(outside)
    settle(outside)
    assert {key for key in outside.cluster.objects if key.kind == "Job"} == jobs
    assert SECRET.name == render.CREDENTIALS
