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
