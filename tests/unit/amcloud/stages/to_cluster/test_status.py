"""What the status says of the norms applied: one name for a pack everywhere, and a word for a wish not granted."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from amcloud_fakes import FakeConformance, FakeWorld
from amcloud_samples import PACK, manifest

from amcloud import reconcile
from amcloud.clients import records
from amcloud.ports import Judged, Question
from psram.model import Horizon


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


def test_until_when_the_verdict_holds_is_told_in_the_status_and_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = FakeConformance.judge
    horizon = Horizon("Conforme jusqu'au 2027-03-01 : fin de maintenance.", on=date(2027, 3, 1))

    def judging(self: FakeConformance, question: Question) -> Judged:
        made = judge(self, question)
        assert isinstance(made, Judged)
        return Judged(msgspec.structs.replace(made.report, horizon=horizon), made.evidence)

    monkeypatch.setattr(FakeConformance, "judge", judging)
    status = _status(PACK.version)
    assert status["stages"][0]["conformance"]["conformingUntilTime"] == "2027-02-28T23:00:00Z", "midnight in Paris"
    assert status["summary"]["conformingUntil"] == "2027-03-01"


def test_a_report_carries_its_horizon_and_the_database_it_asked() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
    assert found is not None
    reconcile.reconcile(found, outside.world())
    (made,) = outside.cluster.reports.values()
    told = msgspec.structs.replace(
        made,
        horizon=Horizon("Conforme jusqu'au 2027-03-01.", on=date(2027, 3, 1)),
        advisories_digest="sha256:ab",
        advisories_dated=date(2026, 3, 1),
    )
    app = reconcile.manifest.parse(found, outside.cluster.organisations(), outside.cluster.namespace_organisation)
    spec = records.conformance_report(app, app.stages[0], told, "https://r.example", api_version="v1")["spec"]
    assert spec["conformingUntilTime"] == "2027-02-28T23:00:00Z"
    assert spec["advisories"] == {"digest": "sha256:ab", "dated": "2026-03-01"}
    assert spec["horizon"].startswith("Conforme jusqu")
