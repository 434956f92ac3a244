"""The end of an application, whatever is down."""

from __future__ import annotations

from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, manifest
from amcloud_story import NAME, PLACE, hosted, one_pass, settle

from amcloud import errors, leftovers, reconcile
from amcloud.settings import FINALIZER


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
        (left,) = {event.message for event in outside.cluster.events if event.reason == "DataLeft"}
        assert "quand le serveur répondra" in left

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

    def test_what_a_down_database_kept_goes_when_it_answers_again(self) -> None:
        outside = hosted(deletionPolicy="Delete")
        outside.database.down = True
        self.delete(outside)
        self.finish(outside)
        assert outside.cluster.debts == {PLACE}
        assert leftovers.sweep(outside.world()) == (), "still down: met again at the next sweep"
        assert outside.database.databases
        outside.database.down = False
        assert leftovers.sweep(outside.world()) == (PLACE,)
        assert not outside.database.databases and not outside.cluster.debts

    def test_an_application_that_comes_back_does_not_find_the_data_that_had_to_go(self) -> None:
        outside = hosted(deletionPolicy="Delete")
        outside.database.down = True
        self.delete(outside)
        self.finish(outside)
        before = dict(outside.database.databases)
        outside.cluster.add(manifest(uid="uid-neuf"))
        one_pass(outside)
        assert outside.cluster.debts and outside.database.databases == before, "it waits for the database"
        outside.database.down = False
        outside.effects.clear()
        settle(outside)
        assert ("drop", "suivi_courriers_acceptance") in outside.effects
        assert outside.database.databases and not outside.cluster.debts
        assert outside.cluster.status()["stages"][0]["deployedCommit"] == ONE

    def test_what_serves_under_a_name_that_came_back_is_never_swept(self) -> None:
        outside = hosted()
        outside.cluster.debts = {PLACE}
        assert leftovers.sweep(outside.world()) == ()
        assert outside.database.databases

    def test_data_that_are_kept_are_there_again_when_the_application_comes_back(self) -> None:
        outside = hosted()
        before = dict(outside.database.databases)
        self.delete(outside)
        self.finish(outside)
        outside.cluster.add(manifest(uid="uid-neuf"))
        settle(outside)
        assert outside.database.databases.keys() == before.keys()
        assert "drop" not in {effect[0] for effect in outside.effects}
