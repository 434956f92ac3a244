"""The story when something is wrong: missing, down, refused, suspended, not known."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, TWO, manifest, result
from amcloud_story import NAME, conditions, hosted, one_pass, push, settle, stage_conditions

from amcloud import errors, reconcile
from amcloud.stages.build import PipelineStatus
from amcloud.stages.declared.app import StageName
from amcloud.stages.gate import Acceptance, Dossier
from psram.model import Verdict


@pytest.mark.parametrize(
    ("error", "ready", "reason", "state"),
    [
        pytest.param(
            errors.ForgeUnavailableError("forge"), "Unknown", "ForgeUnavailable", "Reconciling", id="forge down"
        ),
        pytest.param(errors.UnavailableError("x"), "Unknown", "ServiceUnavailable", "Reconciling", id="service down"),
        pytest.param(errors.RepositoryRefusedError("privé"), "False", "RepositoryRefused", "Stalled", id="private"),
        pytest.param(errors.BrokenInstallationError("x"), "False", "BrokenInstallation", "Stalled", id="broken"),
    ],
)
def test_an_error_becomes_what_it_means(error: Exception, ready: str, reason: str, state: str) -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.source.error = error
    one_pass(outside)
    assert conditions(outside)["Ready"] == (ready, reason)
    assert conditions(outside)[state] == ("True", reason)


def test_an_unreachable_forge_leaves_what_serves_as_it_is_and_is_met_later_and_later() -> None:
    outside = hosted()
    before = copy.deepcopy(outside.cluster.objects)
    outside.source.error = errors.ForgeUnavailableError("forge : pas de réponse")
    outside.forge.down = True
    after = one_pass(outside)
    assert after is not None and after.troubled
    assert outside.cluster.objects == before
    assert stage_conditions(outside)["Available"] == ("True", "Serving")
    assert stage_conditions(outside)["Conformant"] == ("True", "Conformant")


def test_a_registry_that_is_down_is_waited_for_and_nothing_is_lost() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    outside.registry.down = True
    after = one_pass(outside)
    assert after is not None and after.troubled
    assert conditions(outside)["Ready"] == ("Unknown", "ServiceUnavailable")
    assert "registre" in outside.cluster.status()["conditions"][0]["message"]
    outside.registry.down = False
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_a_suspension_refuses_the_next_revision_keeps_what_serves_and_ends_by_itself() -> None:
    outside = hosted()
    outside.cluster.add(manifest(generation=2, suspend={"reason": "Audit en cours.", "until": "2026-03-02T09:00:00Z"}))
    push(outside, TWO)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "Suspended")
    assert stage_conditions(outside)["Available"] == ("True", "Serving")
    stage = outside.cluster.status()["stages"][0]
    assert (stage["deployedCommit"], outside.cluster.status()["nextRetryTime"]) == (ONE, "2026-03-02T09:00:00Z")
    outside.passes(3600)
    settle(outside)
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == TWO
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_a_repository_without_ci_file_is_told_on_the_build_with_its_conforming_sources() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.start_error = errors.RepositoryRefusedError("Le projet n'a pas de .gitlab-ci.yml utilisable.")
    one_pass(outside)
    outside.passes(outside.settings.pipeline_grace_s + 1)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "RepositoryRefused")
    assert stage_conditions(outside)["SourceFetched"] == ("True", "SourceFetched")
    assert stage_conditions(outside)["Built"] == ("False", "RepositoryRefused")
    assert ".gitlab-ci.yml" in outside.forge.last(ONE, "amcloud/acceptance").description


def test_a_forge_that_fails_after_the_first_verdict_takes_nothing_of_the_last_one_back() -> None:
    outside = hosted()
    outside.forge.down = True
    one_pass(outside)
    assert stage_conditions(outside)["Ready"] == ("Unknown", "ForgeUnavailable")
    assert stage_conditions(outside)["Conformant"] == ("True", "Conformant")
    assert stage_conditions(outside)["Available"] == ("True", "Serving")


def test_a_refused_status_is_told_on_the_localapp_and_given_later() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result(),)
    outside.forge.down = True
    after = one_pass(outside)
    assert conditions(outside)["ForgeNotified"] == ("False", "ForgeUnavailable")
    assert after is not None and after.after_s is not None
    outside.forge.down = False
    settle(outside)
    assert conditions(outside)["ForgeNotified"] == ("True", "Notified")
    assert outside.forge.last(ONE, "amcloud/psram").state == "failed"


def test_an_invalid_manifest_names_the_field_and_keeps_what_serves() -> None:
    outside = hosted()
    before = copy.deepcopy(outside.cluster.objects)
    outside.cluster.add(manifest(generation=2, organisations=["671", "999"]))
    one_pass(outside)
    status = outside.cluster.status()
    assert status["observedGeneration"] == 2
    assert conditions(outside)["Ready"] == ("False", "InvalidManifest")
    assert "spec.organisations[1]" in status["conditions"][0]["message"]
    assert status["stages"][0]["deployedCommit"] == ONE
    assert outside.cluster.objects == before


def test_an_app_of_the_same_name_elsewhere_touches_nothing_of_the_first() -> None:
    outside = hosted()
    before, databases = copy.deepcopy(outside.cluster.objects), dict(outside.database.databases)
    twin = manifest(
        uid="uid-2", owner={"organisation": "681"}, repository={"project": "cpam-haut-rhin/suivi-courriers"}
    )
    twin["metadata"]["namespace"] = "cpam-haut-rhin"
    outside.cluster.add(twin)
    found = outside.cluster.local_app("cpam-haut-rhin", NAME)
    assert found is not None
    reconcile.reconcile(found, outside.world())
    status = outside.cluster.apps["cpam-haut-rhin", NAME]["status"]
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "NotOwned"
    assert "cpam-bas-rhin/suivi-courriers" in ready["message"]
    assert (outside.cluster.objects, outside.database.databases) == (before, databases)


def test_production_waits_for_a_positive_report_of_that_very_commit() -> None:
    outside = hosted(stages=[{"name": "production", "ref": {"branch": "main"}}])
    assert stage_conditions(outside, "production")["Accepted"] == ("False", "AcceptanceMissing")
    outside.cluster.acceptances = Dossier((Acceptance(TWO, positive=True),))
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "AcceptanceMissing")
    outside.cluster.acceptances = Dossier((Acceptance(ONE, positive=True),))
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert stage_conditions(outside, "production")["Accepted"] == ("True", "Accepted")


def test_an_audited_stage_lets_a_violation_on_and_still_tells_it() -> None:
    outside = FakeWorld()
    outside.cluster.packs = (replace(outside.cluster.packs[0], enforced=frozenset({StageName.PRODUCTION})),)
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result(),)
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")
    assert stage_conditions(outside)["Conformant"] == ("False", "NotConformant")
    assert outside.forge.last(ONE, "amcloud/psram").state == "failed"


def test_an_unknown_blocking_rule_refuses_and_names_the_missing_evidence() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result("PHP-001", verdict=Verdict.UNKNOWN, missing="php8.2 absent"),)
    settle(outside)
    assert conditions(outside)["Ready"] == ("False", "ConformanceUnknown")
    assert "php8.2 absent" in outside.cluster.status()["conditions"][0]["message"]


def test_a_commit_that_is_still_being_read_is_told_and_asked_for_again_and_starts_nothing() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.under_way.add(ONE)
    after = one_pass(outside)
    assert after is not None and after.after_s == 5.0 and not after.troubled
    assert conditions(outside)["Ready"] == ("False", "Checking")
    assert conditions(outside)["Reconciling"] == ("True", "Checking")
    assert {effect[0] for effect in outside.effects} == {"finalizer", "status", "localapp"}
    assert outside.forge.last(ONE, "amcloud/psram").state == "pending"
    outside.conformance.under_way.clear()
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_a_revision_that_serves_says_nothing_new_while_it_is_read_again() -> None:
    outside = hosted()
    before, effects = copy.deepcopy(outside.cluster.status()), len(outside.effects)
    outside.conformance.under_way.add(ONE)
    after = one_pass(outside)
    assert after is not None and after.after_s == 5.0
    assert outside.cluster.status() == before
    assert len(outside.effects) == effects
