"""The story against an in-memory world: refusals, hosting, drift, deletion, and death at every boundary."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from amcloud_fakes import (
    DIGEST,
    ONE,
    PROJECT,
    START,
    TWO,
    FakeWorld,
    KilledError,
    image_of,
    manifest,
    result,
)

from amcloud import errors, reconcile
from amcloud.settings import FINALIZER
from amcloud.stages.app import StageName
from amcloud.stages.apply import Key
from amcloud.stages.build import Image, PipelineStatus
from amcloud.stages.verdict import Acceptance, Dossier
from psram.model import Verdict
from psram.rules import Moment

NAME = "suivi-courriers"
PLACE = "suivi-courriers-acceptance"
DEPLOYMENT = Key("apps", "Deployment", PLACE, NAME)


def one_pass(outside: FakeWorld, name: str = NAME) -> reconcile.Next | None:
    found = outside.cluster.local_app("cpam-bas-rhin", name)
    return reconcile.reconcile(found, outside.world()) if found else None


def settle(outside: FakeWorld, name: str = NAME) -> None:
    """Passes until none of them changes anything."""
    for _ in range(12):
        before = len(outside.effects)
        one_pass(outside, name)
        outside.passes(1)
        if len(outside.effects) == before:
            return
    raise AssertionError(f"never settles: {outside.effects[-5:]}")


def hosted(**spec: Any) -> FakeWorld:
    """A world where the app is declared, pushed, built and serving."""
    outside = FakeWorld()
    outside.cluster.add(manifest(**spec))
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    return outside


def push(outside: FakeWorld, commit: str, *, built: bool = True) -> None:
    outside.source.heads["refs/heads/main"] = commit
    outside.forge.add(commit, PipelineStatus.RUNNING)
    if built:
        outside.forge.finish(commit)


def conditions(outside: FakeWorld, name: str = NAME) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in outside.cluster.status(name)["conditions"]}


def stage_conditions(outside: FakeWorld, stage: str = "acceptance") -> dict[str, tuple[str, str]]:
    found = next(s for s in outside.cluster.status()["stages"] if s["name"] == stage)
    return {c["type"]: (c["status"], c["reason"]) for c in found["conditions"]}


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


def test_an_image_set_by_hand_is_put_back_and_told() -> None:
    outside = hosted()
    container = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "registre.example/pirate:1"
    settle(outside)
    container = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == image_of(ONE).reference
    assert [e.reason for e in outside.cluster.events].count("DriftRestored") == 1
    assert [s for _, s in outside.forge.statuses if s.name == "amcloud/acceptance"][-1].state == "success"


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
    assert outside.forge.last(ONE, "amcloud/psram") is None
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


class TestDeletion:
    def delete(self, outside: FakeWorld) -> None:
        outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"]["deletionTimestamp"] = "2026-03-02T09:00:00Z"

    def finish(self, outside: FakeWorld) -> None:
        for _ in range(4):
            one_pass(outside)

    def test_it_ends_and_keeps_the_data_by_default(self) -> None:
        outside = hosted()
        self.delete(outside)
        self.finish(outside)
        assert not outside.cluster.apps and not outside.cluster.objects
        assert outside.database.databases

    def test_it_removes_the_data_when_the_policy_says_so(self) -> None:
        outside = hosted(deletionPolicy="Delete")
        self.delete(outside)
        self.finish(outside)
        assert not outside.cluster.apps and not outside.database.databases

    def test_it_ends_when_forge_and_database_are_down_and_says_what_is_left(self) -> None:
        outside = hosted(deletionPolicy="Delete")
        outside.forge.down = outside.database.down = outside.registry.down = True
        outside.source.error = errors.ForgeUnavailableError("forge")
        self.delete(outside)
        self.finish(outside)
        assert not outside.cluster.apps and not outside.cluster.objects
        assert "DataLeft" in {event.reason for event in outside.cluster.events}

    def test_it_ends_for_a_manifest_that_became_invalid(self) -> None:
        outside = hosted()
        outside.cluster.apps["cpam-bas-rhin", NAME]["spec"] = {"track": 3}
        self.delete(outside)
        self.finish(outside)
        assert not outside.cluster.apps and not outside.cluster.objects

    def test_it_waits_for_namespaces_that_are_slow_to_go(self) -> None:
        outside = hosted()
        outside.cluster.deletes_at_once = False
        self.delete(outside)
        after = one_pass(outside)
        assert after is not None and after.after_s == reconcile.POLL_DELETION_S
        assert FINALIZER in outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"]["finalizers"]


def _outcome(outside: FakeWorld) -> tuple[Any, ...]:
    """All that people and machines can see at the end."""
    return (
        {key: {k: v for k, v in found.items() if k != "status"} for key, found in outside.cluster.objects.items()},
        outside.cluster.status(),
        set(outside.cluster.reports),
        outside.database.databases,
        {commit: len(made) for commit, made in outside.forge.by_commit.items()},
    )


def _live(kill_after: int | None = None) -> tuple[FakeWorld, bool]:
    outside = FakeWorld(kill_after=kill_after)
    outside.cluster.add(manifest())
    killed = False

    def survive(step: Any) -> None:
        nonlocal killed
        try:
            step()
        except KilledError:
            killed, outside.kill_after = True, None
            step()

    for _ in range(2):
        survive(lambda: one_pass(outside))
    outside.passes(outside.settings.pipeline_grace_s + 1)
    for _ in range(2):
        survive(lambda: one_pass(outside))
    outside.forge.finish(ONE)
    for _ in range(2):
        survive(lambda: one_pass(outside))
    push(outside, TWO)
    for _ in range(3):
        survive(lambda: one_pass(outside))
    return outside, killed


@functools.cache
def _calm() -> FakeWorld:
    """The same life without a kill; to be read only."""
    return _live()[0]


def _number_of_effects() -> int:
    return len(_calm().effects)


@pytest.mark.parametrize("effect", range(1, _number_of_effects() + 1))
def test_killed_after_any_effect_it_ends_in_the_same_state_without_doing_anything_twice(effect: int) -> None:
    calm = _calm()
    outside, killed = _live(effect)
    assert killed
    assert _outcome(outside) == _outcome(calm)
    assert outside.forge.statuses == calm.forge.statuses
    assert [e for e in outside.effects if e[0] in {"pipeline", "database"}] == [
        e for e in calm.effects if e[0] in {"pipeline", "database"}
    ]


@pytest.mark.parametrize("boundary", range(1, 12))
def test_killed_at_any_boundary_of_the_story_it_ends_in_the_same_state(
    boundary: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = hosted()
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    seen = 0

    def stopping(steps: Iterator[Any], so_far: Any) -> Any:
        nonlocal seen
        for outcome in steps:
            so_far = outcome
            seen += 1
            if seen == boundary:
                raise KilledError
        return so_far

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_to_the_end", stopping)
        try:
            one_pass(outside)
        except KilledError:
            assert seen == boundary
        else:
            assert seen < boundary, "the pass went past the boundary"
    outside.time = START
    settle(outside)
    assert outside.forge.statuses[-2:] == calm.forge.statuses[-2:]
    assert _outcome(outside)[0] == _outcome(calm)[0]
    assert conditions(outside) == conditions(calm)
    assert len(outside.forge.by_commit[ONE]) == 1
