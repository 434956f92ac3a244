"""What the status says of the norms applied: one name for a pack everywhere, and a word for a wish not granted."""

from __future__ import annotations

from typing import Any

from amcloud_fakes import PACK, FakeWorld, manifest

from amcloud import reconcile


def _status(asked: str) -> dict[str, Any]:
    outside = FakeWorld()
    outside.cluster.add(manifest(normPack={"version": asked}))
    found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
    assert found is not None
    reconcile.reconcile(found, outside.world())
    return outside.cluster.status()


def test_the_pack_has_the_name_that_a_manifest_asks_for() -> None:
    shown = _status(PACK.version)
    assert shown["summary"]["pack"] == PACK.version
    assert "problems" not in shown


def test_a_pack_that_is_not_offered_is_told_with_the_one_that_applies() -> None:
    (problem,) = _status("psram-1999.9")["problems"]
    assert problem["path"] == "spec.normPack.version"
    assert "« psram-1999.9 » n'est pas offert" in problem["message"]
    assert f"plus récent que {PACK.version}, qui s'applique" in problem["message"]


def test_what_is_to_be_seen_is_told_where_people_look_and_once_as_an_event() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest(normPack={"version": "psram-1999.9"}))
    for _ in range(2):
        found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
        assert found is not None
        reconcile.reconcile(found, outside.world())
    ready = outside.cluster.status()["conditions"][0]["message"]
    assert "à voir, spec.normPack.version : « psram-1999.9 »" in ready
    told = [event for event in outside.cluster.events if event.reason == "ProblemFound"]
    assert len(told) == 1 and told[0].type == "Warning"


def test_a_catalogued_application_is_not_said_to_conform_to_what_nobody_checked() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest(track="hors-standard"))
    found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
    assert found is not None
    reconcile.reconcile(found, outside.world())
    (stage,) = outside.cluster.status()["stages"]
    conformant = next(c for c in stage["conditions"] if c["type"] == "Conformant")
    assert (conformant["status"], conformant["reason"]) == ("Unknown", "Catalogued")
    assert "sources sont respectées" in conformant["message"] and "pipeline" in conformant["message"]
    assert outside.cluster.status()["summary"]["conformant"] == "Unknown"
