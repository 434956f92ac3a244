"""A rollout that fails gives way to what served; people hold, promote and follow again, and the gate still decides."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from amcloud_fakes import FakeWorld, KilledError
from amcloud_samples import ONE, PROJECT, THREE, TWO, image_of, manifest, result
from amcloud_story import DEPLOYMENT, NAME, conditions, hosted, made_once, one_pass, push, settle, stage_conditions

from amcloud.settings import INTENTION
from amcloud.stages.build import Image
from amcloud.stages.declared.intention import Intention, Kind, written
from amcloud.stages.gate import Acceptance, Dossier
from amcloud.stages.objects.operations import Key

BOTH = [
    {"name": "acceptance", "ref": {"branch": "main"}},
    {"name": "production", "ref": {"tag": "v*"}},
]
PRODUCTION = Key("apps", "Deployment", f"{NAME}-production", NAME)


def image(outside: FakeWorld, key: Key = DEPLOYMENT) -> str:
    return str(outside.cluster.objects[key]["spec"]["template"]["spec"]["containers"][0]["image"])


def ask(outside: FakeWorld, asked: Intention | None, stage: str = "acceptance") -> None:
    annotations = outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"].setdefault("annotations", {})
    annotations.pop(INTENTION + stage, None)
    if asked is not None:
        annotations[INTENTION + stage] = written(asked)


def hold(commit: str, token: str = "t1") -> Intention:
    return Intention(Kind.HOLD, token, "camille", "courriers en double", commit, image_of(commit).reference)


def stage(outside: FakeWorld, number: int = 0) -> dict[str, Any]:
    return dict(outside.cluster.status()["stages"][number])


def reasons(outside: FakeWorld) -> list[str]:
    return [event.reason for event in outside.cluster.events]


@made_once
def two_served() -> FakeWorld:
    outside = hosted()
    push(outside, TWO)
    settle(outside)
    assert image(outside) == image_of(TWO).reference
    return outside


@made_once
def failed_rollout() -> FakeWorld:
    """ONE serves; TWO is let in and never becomes ready; its time goes by."""
    outside = hosted()
    outside.cluster.broken.add(image_of(TWO).reference)
    push(outside, TWO)
    settle(outside)
    assert image(outside) == image_of(TWO).reference
    outside.passes(outside.settings.rollout_deadline_s + 1)
    return outside


class TestARolloutThatFails:
    def test_gives_way_to_the_revision_that_served_and_says_so_everywhere(self) -> None:
        outside = failed_rollout()
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        assert conditions(outside)["Ready"] == ("False", "RolloutFailed")
        assert conditions(outside)["Stalled"] == ("True", "RolloutFailed")
        assert stage_conditions(outside)["Available"] == ("True", "RolledBack")
        message = outside.cluster.status()["conditions"][0]["message"]
        assert "revenue à 11111111" in message and f"rollback {NAME} --stage acceptance --undo" in message
        assert reasons(outside).count("RolledBack") == 1
        told = outside.forge.last(TWO, "amcloud/acceptance")
        assert told.state == "failed" and "revenue à 11111111" in told.description
        assert (stage(outside)["deployedCommit"], stage(outside)["withdrawn"]["commit"]) == (ONE, TWO)

    def test_is_recorded_before_anything_is_undone_and_undone_at_once(self) -> None:
        outside = failed_rollout()
        after = one_pass(outside)
        assert after is not None and after.after_s == 0
        assert image(outside) == image_of(TWO).reference
        assert stage(outside)["withdrawn"]["commit"] == TWO
        one_pass(outside)
        assert image(outside) == image_of(ONE).reference

    def test_is_not_tried_again_by_itself(self) -> None:
        outside = failed_rollout()
        settle(outside)
        before = len(outside.effects)
        for _ in range(5):
            outside.passes(300)
            one_pass(outside)
        assert outside.effects[before:] == []

    def test_is_tried_again_when_somebody_asks_and_then_serves(self) -> None:
        outside = failed_rollout()
        settle(outside)
        outside.cluster.broken.clear()
        ask(outside, Intention(Kind.FOLLOW, "t9", "camille", ""))
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert conditions(outside)["Ready"] == ("True", "Serving")
        assert "withdrawn" not in stage(outside)

    def test_that_is_tried_again_and_fails_again_stops_again(self) -> None:
        outside = failed_rollout()
        settle(outside)
        ask(outside, Intention(Kind.FOLLOW, "t9", "camille", ""))
        one_pass(outside)
        assert image(outside) == image_of(TWO).reference
        outside.passes(outside.settings.rollout_deadline_s + 1)
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        assert stage(outside)["withdrawn"]["request"].startswith("t9#")

    def test_is_tried_again_when_it_is_given_other_means_and_not_for_another_organisation(self) -> None:
        outside = failed_rollout()
        settle(outside)
        outside.cluster.add(manifest(generation=2, organisations=["671"]))
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        outside.cluster.broken.clear()
        outside.cluster.add(manifest(generation=3, hosting={"size": "large"}))
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert conditions(outside)["Ready"] == ("True", "Serving")

    def test_is_forgotten_with_the_next_push(self) -> None:
        outside = failed_rollout()
        settle(outside)
        push(outside, THREE)
        settle(outside)
        assert image(outside) == image_of(THREE).reference
        assert "withdrawn" not in stage(outside)

    def test_of_the_very_first_revision_has_nothing_to_go_back_to(self) -> None:
        outside = FakeWorld()
        outside.cluster.add(manifest())
        outside.cluster.broken.add(image_of(ONE).reference)
        push(outside, ONE)
        settle(outside)
        outside.passes(outside.settings.rollout_deadline_s + 1)
        settle(outside)
        assert conditions(outside)["Ready"] == ("False", "RolloutFailed")
        assert "withdrawn" not in stage(outside)
        assert image(outside) == image_of(ONE).reference

    def test_while_a_newer_commit_is_refused_gives_way_all_the_same(self) -> None:
        outside = failed_rollout()
        outside.conformance.results[THREE] = (result("SEC-001"),)
        push(outside, THREE, built=False)
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        assert conditions(outside)["Ready"] == ("False", "NotConformant")

    def test_leaves_a_revision_that_served_alone_when_it_fails_later(self) -> None:
        outside = two_served()
        outside.cluster.objects[DEPLOYMENT]["status"] |= {"availableReplicas": 0, "readyReplicas": 0}
        outside.passes(outside.settings.rollout_deadline_s + 1)
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert "withdrawn" not in stage(outside)

    def test_in_its_migration_gives_way_too_and_a_new_organisation_is_served_meanwhile(self) -> None:
        outside = hosted(organisations=["671"])
        outside.cluster.migration = False
        push(outside, TWO)
        settle(outside)
        outside.cluster.migration = True
        outside.cluster.add(manifest(generation=2))
        settle(outside)
        assert conditions(outside)["Ready"] == ("False", "MigrationFailed")
        assert outside.cluster.status()["organisationsServed"] == 2
        assert outside.cluster.inventory(f"{NAME}-acceptance").revision.commit == ONE

    def test_is_remembered_by_a_status_that_was_damaged_by_hand_as_far_as_it_can_be_read(self) -> None:
        outside = failed_rollout()
        settle(outside)
        outside.cluster.status()["stages"][0]["withdrawn"] = {"commit": "x", "image": 3}
        outside.cluster.status()["stages"][0]["history"] = ["?", {"commit": ONE}]
        one_pass(outside)  # nothing is known of the past: TWO is tried again, and nothing crashes
        assert image(outside) == image_of(TWO).reference


class TestAHeldRevision:
    def test_serves_whatever_is_pushed_and_says_who_asked_and_why(self) -> None:
        outside = two_served()
        ask(outside, hold(ONE))
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        assert conditions(outside)["Ready"] == ("True", "Pinned")
        message = outside.cluster.status()["conditions"][0]["message"]
        assert "camille" in message and "courriers en double" in message
        assert stage(outside)["intention"]["why"] == "courriers en double"
        assert outside.forge.last(TWO, "amcloud/acceptance").state == "failed"
        push(outside, THREE)
        settle(outside)
        assert image(outside) == image_of(ONE).reference
        assert outside.forge.last(THREE, "amcloud/acceptance").state == "failed"
        assert outside.forge.last(THREE, "amcloud/psram").state == "success"

    def test_is_put_in_service_without_the_forge(self) -> None:
        outside = two_served()
        outside.forge.closed = True
        ask(outside, hold(ONE))
        one_pass(outside)
        assert image(outside) == image_of(ONE).reference

    def test_ends_when_the_branch_is_followed_again(self) -> None:
        outside = two_served()
        ask(outside, hold(ONE))
        settle(outside)
        ask(outside, Intention(Kind.FOLLOW, "t2", "camille", ""))
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert conditions(outside)["Ready"] == ("True", "Serving")
        assert "intention" not in stage(outside)
        assert outside.forge.last(TWO, "amcloud/acceptance").state == "success"

    def test_writes_nothing_more_once_it_serves(self) -> None:
        outside = two_served()
        ask(outside, hold(ONE))
        settle(outside)
        before = len(outside.effects)
        outside.passes(300)
        one_pass(outside)
        assert outside.effects[before:] == []

    def test_that_never_served_here_is_not_believed(self) -> None:
        outside = two_served()
        ask(outside, hold(THREE))
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert "33333333" in outside.cluster.status()["problems"][0]["message"]
        foreign = Intention(Kind.HOLD, "t", "x", "", ONE, f"registre.example/pirate@sha256:{'a' * 64}")
        ask(outside, foreign)
        settle(outside)
        assert image(outside) == image_of(TWO).reference

    def test_outlives_a_status_that_was_deleted(self) -> None:
        outside = two_served()
        ask(outside, hold(ONE))
        settle(outside)
        outside.cluster.apps["cpam-bas-rhin", NAME]["status"] = {}
        settle(outside)
        assert image(outside) == image_of(ONE).reference

    def test_that_fails_gives_way_to_what_served(self) -> None:
        outside = two_served()
        outside.cluster.broken.add(image_of(ONE).reference)
        ask(outside, hold(ONE))
        one_pass(outside)
        outside.passes(outside.settings.rollout_deadline_s + 1)
        settle(outside)
        assert image(outside) == image_of(TWO).reference
        assert stage(outside)["withdrawn"]["commit"] == ONE

    def test_is_in_the_history_once(self) -> None:
        outside = two_served()
        ask(outside, hold(ONE))
        settle(outside)
        assert [one["commit"] for one in stage(outside)["history"]] == [ONE, TWO]


@made_once
def accepted(*commits: str) -> FakeWorld:
    """ONE then TWO served at acceptance; production has no tag yet, and procès-verbaux for these commits."""
    outside = hosted(stages=BOTH)
    outside.cluster.acceptances = Dossier(acceptances=tuple(Acceptance(commit, positive=True) for commit in commits))
    push(outside, TWO)
    settle(outside)
    return outside


def promote(commit: str, *, instead: str = "", token: str = "t1") -> Intention:
    reference = image_of(commit).reference
    return Intention(Kind.PROMOTE, token, "camille", "recette finie", commit, reference, "acceptance", instead)


class TestAPromotion:
    def test_takes_the_same_digest_through_the_gate_of_its_own_stage(self) -> None:
        outside = accepted(ONE)
        outside.registry.images[ONE] = Image(f"registre.example/{PROJECT}@sha256:{'f' * 64}", ONE)  # built again since
        ask(outside, promote(ONE), "production")
        settle(outside)
        assert image(outside, PRODUCTION) == image_of(ONE).reference
        assert image(outside) == image_of(TWO).reference
        assert stage(outside, 1)["deployedCommit"] == ONE
        assert stage(outside, 1)["intention"]["from"] == "acceptance"

    def test_without_proces_verbal_is_refused_like_any_commit(self) -> None:
        outside = accepted(TWO)
        ask(outside, promote(ONE), "production")
        settle(outside)
        assert stage_conditions(outside, "production")["Ready"] == ("False", "AcceptanceMissing")
        assert PRODUCTION not in outside.cluster.objects

    def test_of_a_revision_that_no_stage_served_is_not_believed(self) -> None:
        outside = accepted(THREE)
        push(outside, THREE, built=True)
        ask(outside, promote(THREE), "production")
        one_pass(outside)
        assert PRODUCTION not in outside.cluster.objects

    def test_ends_when_the_stage_s_own_tag_comes(self) -> None:
        outside = accepted(ONE, TWO)
        ask(outside, promote(ONE), "production")
        settle(outside)
        outside.source.heads["refs/tags/v2"] = TWO
        settle(outside)
        assert image(outside, PRODUCTION) == image_of(TWO).reference
        assert "intention" not in stage(outside, 1)

    def test_says_what_the_tag_names_meanwhile(self) -> None:
        outside = accepted(ONE, TWO)
        outside.source.heads["refs/tags/v2"] = TWO
        settle(outside)
        ask(outside, promote(ONE, instead=TWO), "production")
        settle(outside)
        assert image(outside, PRODUCTION) == image_of(ONE).reference
        assert (stage(outside, 1)["lastAttemptedCommit"], stage(outside, 1)["refCommit"]) == (ONE, TWO)

    def test_by_a_tag_alone_takes_the_digest_that_acceptance_served(self) -> None:
        outside = accepted(TWO)
        outside.registry.images[TWO] = Image(f"registre.example/{PROJECT}@sha256:{'f' * 64}", TWO)
        outside.source.heads["refs/tags/v1"] = TWO
        one_pass(outside)
        settle(outside)
        assert image(outside, PRODUCTION) == image_of(TWO).reference

    def test_starts_no_pipeline_for_a_commit_that_is_no_longer_a_branch_s_head(self) -> None:
        outside = accepted(ONE)
        outside.forge.by_commit.pop(ONE)
        ask(outside, promote(ONE), "production")
        settle(outside)
        outside.passes(600)
        settle(outside)
        assert ONE not in outside.forge.by_commit
        assert stage_conditions(outside, "production")["Ready"] == ("False", "BuildFailed")


def failed_and_held(kill_after: int | None = None) -> tuple[FakeWorld, bool]:
    """TWO fails and gives way; ONE is held; the branch is followed again. The operator may be killed on the way."""
    outside, killed = failed_rollout(), False
    outside.kill_after = None if kill_after is None else len(outside.effects) + kill_after

    def survived() -> None:
        nonlocal killed
        try:
            settle(outside)
        except KilledError:
            killed, outside.kill_after = True, None
            settle(outside)

    survived()
    ask(outside, hold(ONE))
    survived()
    ask(outside, Intention(Kind.FOLLOW, "t2", "camille", ""))
    outside.cluster.broken.clear()
    survived()
    return outside, killed


@functools.cache
def calm() -> FakeWorld:
    """The same life without a kill; to be read only."""
    return failed_and_held()[0]


@pytest.mark.parametrize("effect", range(1, 46, 5))
def test_killed_after_effects_on_the_way_back_it_ends_in_the_same_state(effect: int) -> None:
    outside, killed = failed_and_held(effect)
    assert killed
    assert outside.cluster.objects == calm().cluster.objects
    assert [one["commit"] for one in stage(outside)["history"]] == [one["commit"] for one in stage(calm())["history"]]
    assert conditions(outside) == conditions(calm())
    assert outside.forge.statuses == calm().forge.statuses
