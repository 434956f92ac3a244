"""The story against an in-memory world: verdicts, hosting, drift, several stages."""

from __future__ import annotations

import copy

from amcloud_fakes import FakeWorld
from amcloud_samples import DIGEST, ONE, PROJECT, TWO, image_of, manifest, result
from amcloud_story import DEPLOYMENT, conditions, hosted, one_pass, push, settle, stage_conditions

from amcloud.stages.build import Image, PipelineStatus
from amcloud.stages.objects.operations import Key
from psram.rules import Moment


def test_a_conforming_push_ends_hosted_with_two_green_statuses() -> None:
    outside = hosted()
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert "Stalled" not in conditions(outside)
    assert stage_conditions(outside)["Available"] == ("True", "Serving")
    assert outside.cluster.status()["organisationsServed"] == 2
    assert outside.forge.last(ONE, "amcloud/psram").state == "success"
    assert outside.forge.last(ONE, "amcloud/acceptance").state == "success"
    image = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == image_of(ONE).reference


def test_a_violation_stops_the_pass_before_any_effect_but_saying_so() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result("SEC-001"),)
    settle(outside)
    assert {effect[0] for effect in outside.effects} == {"finalizer", "report", "cfr", "status", "localapp"}
    assert not outside.cluster.objects
    assert not outside.forge.by_commit
    assert conditions(outside)["Ready"] == ("False", "NotConformant")
    assert conditions(outside)["Stalled"] == ("True", "NotConformant")
    status = outside.forge.last(ONE, "amcloud/psram")
    assert status.state == "failed"
    assert "SEC-001 src/Cle.php:3" in status.description
    assert status.target_url and ONE in status.target_url


def test_a_resync_of_an_unchanged_application_writes_nothing() -> None:
    outside = hosted()
    before = len(outside.effects)
    for _ in range(3):
        outside.passes(300)
        one_pass(outside)
    assert outside.effects[before:] == []


def test_a_push_without_pipeline_gets_one_after_the_grace_and_never_a_second() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    one_pass(outside)
    assert outside.forge.by_commit == {}
    outside.passes(outside.settings.pipeline_grace_s + 1)
    for _ in range(3):
        one_pass(outside)
    assert len(outside.forge.by_commit[ONE]) == 1


def test_a_refused_push_leaves_the_previous_revision_serving() -> None:
    outside = hosted()
    before = copy.deepcopy(outside.cluster.objects[DEPLOYMENT])
    push(outside, TWO, built=False)
    outside.conformance.results[TWO] = (result("TEN-001"),)
    settle(outside)
    assert outside.cluster.objects[DEPLOYMENT] == before
    assert conditions(outside)["Ready"] == ("False", "NotConformant")
    assert conditions(outside)["Stalled"] == ("True", "NotConformant")
    assert stage_conditions(outside)["Available"] == ("True", "Serving")
    stage = outside.cluster.status()["stages"][0]
    assert (stage["lastAttemptedCommit"], stage["deployedCommit"], stage["lastConformantCommit"]) == (TWO, ONE, ONE)
    assert outside.forge.last(ONE, "amcloud/acceptance").state == "success"


def test_a_new_revision_takes_over_and_is_remembered() -> None:
    outside = hosted()
    push(outside, TWO)
    settle(outside)
    stage = outside.cluster.status()["stages"][0]
    assert [entry["commit"] for entry in stage["history"]] == [TWO, ONE]
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_pipeline_rules_refuse_after_the_build_and_before_hosting() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.conformance.results[ONE] = (result("TST-001", moment=Moment.PIPELINE),)
    settle(outside)
    assert stage_conditions(outside)["Conformant"] == ("Unknown", "Checking")
    outside.forge.finish(ONE)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "NotConformant")
    assert not outside.cluster.objects


def test_hors_standard_is_catalogued_ready_and_never_built() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest(track="hors-standard"))
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Catalogued")
    assert "Stalled" not in conditions(outside)
    assert stage_conditions(outside)["Conformant"] == ("Unknown", "Catalogued")
    assert not outside.forge.by_commit and not outside.cluster.objects
    status = outside.forge.last(ONE, "amcloud/psram")
    assert status.state == "success" and "jamais hébergé" in status.description
    assert "Non hébergé" in outside.forge.last(ONE, "amcloud/acceptance").description


def test_an_app_that_becomes_hors_standard_leaves_its_instance_but_not_its_data() -> None:
    outside = hosted()
    outside.cluster.add(manifest(track="hors-standard", generation=2))
    settle(outside)
    assert not outside.cluster.objects
    assert outside.database.databases
    assert conditions(outside)["Ready"] == ("True", "Catalogued")


def test_a_stage_taken_out_of_the_manifest_is_removed_and_the_others_stay() -> None:
    stages = [
        {"name": "development", "ref": {"branch": "main"}},
        {"name": "acceptance", "ref": {"branch": "main"}},
    ]
    outside = hosted(stages=stages)
    assert Key("", "Namespace", "", "suivi-courriers-development") in outside.cluster.objects
    outside.cluster.add(manifest(generation=2))
    settle(outside)
    assert Key("", "Namespace", "", "suivi-courriers-development") not in outside.cluster.objects
    assert DEPLOYMENT in outside.cluster.objects


def test_two_stages_on_one_commit_share_one_verdict_on_it() -> None:
    stages = [
        {"name": "development", "ref": {"branch": "main"}},
        {"name": "acceptance", "ref": {"branch": "main"}},
    ]
    outside = FakeWorld()
    outside.cluster.add(manifest(stages=stages))
    outside.conformance.results[ONE] = (result("TST-001", moment=Moment.PIPELINE),)
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    states = [status.state for _, status in outside.forge.statuses if status.name == "amcloud/psram"]
    assert states == ["failed"]
    assert outside.forge.last(ONE, "amcloud/development").state == "success"
    assert outside.forge.last(ONE, "amcloud/acceptance").state == "failed"


def test_an_image_of_another_commit_is_never_deployed() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    outside.registry.images[ONE] = Image(f"registre.example/{PROJECT}@{DIGEST}", TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "ImageRefused")
    assert not outside.cluster.objects


def test_an_image_that_nobody_vouches_for_is_never_deployed_and_what_serves_goes_on() -> None:
    outside = hosted()
    outside.provenance.refused[TWO] = "L'attestation n'est pas acceptée."
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "ImageRefused")
    assert stage_conditions(outside)["Available"][0] == "True"
    outside.provenance.refused.clear()
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_an_image_set_by_hand_is_put_back_and_told() -> None:
    outside = hosted()
    container = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "registre.example/pirate:1"
    settle(outside)
    container = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == image_of(ONE).reference
    assert [e.reason for e in outside.cluster.events].count("DriftRestored") == 1
    assert [s for _, s in outside.forge.statuses if s.name == "amcloud/acceptance"][-1].state == "success"


def test_an_object_removed_by_hand_is_made_again_and_told() -> None:
    outside = hosted()
    service = Key("", "Service", "suivi-courriers-acceptance", "suivi-courriers")
    del outside.cluster.objects[service]
    settle(outside)
    assert service in outside.cluster.objects
    told = [e for e in outside.cluster.events if e.reason == "DriftRestored"]
    assert len(told) == 1 and "Service/suivi-courriers" in told[0].message


def test_what_a_new_manifest_adds_is_no_drift() -> None:
    outside = hosted()
    schedules = [{"name": "relances", "schedule": "0 6 * * *", "command": ["bin/console", "a"]}]
    outside.cluster.add(manifest(generation=2, hosting={"schedules": schedules}))
    settle(outside)
    assert "DriftRestored" not in [e.reason for e in outside.cluster.events]


def test_another_organisation_changes_configuration_and_neither_image_nor_database() -> None:
    outside = hosted(organisations=["671"])
    pods = copy.deepcopy(outside.cluster.objects[DEPLOYMENT]["spec"]["template"])
    databases = dict(outside.database.databases)
    outside.cluster.add(manifest(generation=2))
    settle(outside)
    assert outside.cluster.objects[DEPLOYMENT]["spec"]["template"] == pods
    assert outside.database.databases == databases
    assert outside.cluster.status()["organisationsServed"] == 2


def test_a_failed_migration_is_told_and_the_old_revision_keeps_serving() -> None:
    outside = hosted()
    outside.cluster.migration = False
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "MigrationFailed")
    assert stage_conditions(outside)["DatabaseReady"] == ("False", "MigrationFailed")
    image = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == image_of(ONE).reference
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == ONE


def test_a_missing_secret_is_a_visible_state_that_names_it() -> None:
    outside = hosted(hosting={"secrets": ["smtp-credentials"]})
    assert conditions(outside)["Ready"] == ("False", "SecretMissing")
    assert "smtp-credentials" in outside.cluster.status()["conditions"][0]["message"]
    outside.cluster.secrets = frozenset({"smtp-credentials"})
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
