"""The end of an application, whatever is down."""

from __future__ import annotations

from amcloud_fakes import FakeWorld
from amcloud_story import NAME, hosted, one_pass

from amcloud import errors, reconcile
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
