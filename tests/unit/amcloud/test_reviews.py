"""Merge requests: each of their commits gets a verdict, none of them is built, and statuses are never lost silently."""

from __future__ import annotations

from dataclasses import replace

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, TWO, manifest, result
from amcloud_story import conditions, hosted, one_pass, settle

from amcloud import errors, reconcile
from amcloud.stages.build import PipelineStatus
from amcloud.stages.to_forge.commit_status import CommitStatus
from amcloud.stages.to_forge.merge_requests import COMMITS_A_PASS, MergeRequest, unseen
from psram.rules import Moment

BRANCH = tuple(f"{number:040x}" for number in range(10, 20))
"""Commits of a branch, newest first."""


def proposed(outside: FakeWorld, *commits: str, iid: int = 1, target: str = "main") -> None:
    outside.forge.requests = [MergeRequest(iid, "ma-branche", target, commits[0])]
    outside.forge.request_commits[iid] = commits


def test_each_commit_of_a_merge_request_gets_a_verdict_and_nothing_is_built() -> None:
    outside = hosted()
    outside.conformance.results[BRANCH[1]] = (result(),)
    proposed(outside, *BRANCH[:3])
    settle(outside)
    told = {commit: outside.forge.last(commit, "amcloud/psram") for commit in BRANCH[:3]}
    assert [told[commit].state for commit in BRANCH[:3]] == ["success", "failed", "success"]
    assert not any(commit in outside.forge.by_commit for commit in BRANCH)
    assert all(outside.forge.last(commit, "amcloud/acceptance") is None for commit in BRANCH)
    assert conditions(outside)["Ready"] == ("True", "Serving")


def test_rules_on_the_pipeline_wait_for_the_merge() -> None:
    outside = hosted()
    outside.conformance.results[BRANCH[0]] = (result("TST-001", moment=Moment.PIPELINE),)
    proposed(outside, BRANCH[0])
    settle(outside)
    told = outside.forge.last(BRANCH[0], "amcloud/psram")
    assert told is not None and told.state == "success"


def test_the_newest_commit_is_judged_again_and_earlier_ones_once() -> None:
    outside = hosted()
    proposed(outside, *BRANCH[:2])
    settle(outside)
    for commit in BRANCH[:2]:
        outside.conformance.results[commit] = (result(),)
    settle(outside)
    assert [outside.forge.last(commit, "amcloud/psram").state for commit in BRANCH[:2]] == ["failed", "success"]


def test_a_long_branch_is_judged_a_few_commits_a_pass_and_the_next_pass_is_soon() -> None:
    outside = hosted()
    proposed(outside, *BRANCH)
    after = one_pass(outside)
    assert after is not None and after.after_s is not None and after.after_s <= 5
    assert sum(outside.forge.last(commit, "amcloud/psram") is not None for commit in BRANCH) == 1 + COMMITS_A_PASS
    settle(outside)
    assert all(outside.forge.last(commit, "amcloud/psram") for commit in BRANCH)


def test_a_commit_that_a_stage_follows_is_left_to_the_stage() -> None:
    outside = hosted()
    proposed(outside, ONE)
    settle(outside)
    assert sum(commit == ONE and status.name == "amcloud/psram" for commit, status in outside.forge.statuses) <= 2


def test_a_commit_that_is_still_being_read_is_pending_and_asked_for_again() -> None:
    outside = hosted()
    proposed(outside, BRANCH[0])
    outside.conformance.under_way.add(BRANCH[0])
    after = one_pass(outside)
    assert outside.forge.last(BRANCH[0], "amcloud/psram").state == "pending"
    assert after is not None and after.after_s == 5.0
    outside.conformance.under_way.clear()
    settle(outside)
    assert outside.forge.last(BRANCH[0], "amcloud/psram").state == "success"


def test_an_earlier_commit_that_is_still_being_read_is_asked_for_again_too() -> None:
    outside = hosted()
    proposed(outside, *BRANCH[:2])
    outside.conformance.under_way.add(BRANCH[1])
    after = one_pass(outside)
    assert outside.forge.last(BRANCH[1], "amcloud/psram").state == "pending"
    assert after is not None and after.after_s == 5.0
    outside.conformance.under_way.clear()
    settle(outside)
    assert outside.forge.last(BRANCH[1], "amcloud/psram").state == "success"


def test_a_branch_that_was_rewritten_is_judged_as_it_is_now() -> None:
    outside = hosted()
    proposed(outside, *BRANCH[:3])
    settle(outside)
    proposed(outside, *BRANCH[5:7])
    settle(outside)
    assert all(outside.forge.last(commit, "amcloud/psram").state == "success" for commit in (*BRANCH[:3], *BRANCH[5:7]))
    assert outside.forge.last(BRANCH[4], "amcloud/psram") is None


def test_a_merge_request_without_changes_is_judged_and_has_nothing_new() -> None:
    outside = hosted()
    outside.conformance.results[ONE] = (result("SEC-001"),)
    outside.forge.requests = [MergeRequest(3, "ma-branche", "main", ONE)]
    outside.forge.request_commits[3] = ()
    settle(outside)
    (note,) = outside.discussion.told(3)
    assert "non conforme" in note and "0 nouveau, 1 déjà connu" in note and "**nouveau**" not in note


def test_a_commit_whose_status_is_refused_keeps_no_other_merge_request_from_its_verdict() -> None:
    outside = hosted()
    outside.forge.requests = [MergeRequest(n, f"branche-{n}", "main", BRANCH[n]) for n in range(3)]
    outside.forge.refused = {BRANCH[0]}
    settle(outside)
    assert [outside.forge.last(BRANCH[n], "amcloud/psram") is not None for n in range(3)] == [False, True, True]
    assert all("Commit" in outside.discussion.told(n)[0] for n in range(3)), "the note says it all the same"
    assert conditions(outside)["ForgeNotified"] == ("False", "StatusRefused")


def test_a_forge_that_refuses_every_status_is_asked_twice_a_pass() -> None:
    outside = hosted()
    settle(outside)
    asked: list[str] = []

    def refused(project: str, commit: str, status: object, *, ref: str = "") -> bool:
        asked.append(commit)
        raise errors.RepositoryRefusedError("403")

    outside.forge.set_status = refused  # type: ignore[method-assign]
    outside.forge.requests = [MergeRequest(n, f"branche-{n}", "main", BRANCH[n]) for n in range(9)]
    one_pass(outside)
    assert sum(commit in BRANCH for commit in asked) == 2


def test_the_forge_is_given_its_own_name_of_a_commit_that_may_be_on_no_branch() -> None:
    outside = hosted()
    named: dict[str, str] = {}
    publish = outside.forge.set_status

    def told(project: str, commit: str, status: CommitStatus, *, ref: str = "") -> bool:
        named[commit] = ref
        return publish(project, commit, status, ref=ref)

    outside.forge.set_status = told  # type: ignore[method-assign]
    proposed(outside, *BRANCH[:2], iid=7)
    settle(outside)
    assert {named[commit] for commit in BRANCH[:2]} == {"refs/merge-requests/7/head"}


def test_a_verdict_that_could_not_be_told_is_told_later() -> None:
    outside = hosted()
    proposed(outside, *BRANCH[:2])
    outside.forge.down = True
    one_pass(outside)
    outside.forge.down = False
    settle(outside)
    assert all(outside.forge.last(commit, "amcloud/psram") for commit in BRANCH[:2])


def test_a_project_without_merge_requests_on_the_forge_is_no_trouble() -> None:
    outside = hosted()

    def closed(project: str) -> tuple[MergeRequest, ...]:
        raise errors.RepositoryRefusedError("403")

    outside.forge.merge_requests = closed  # type: ignore[method-assign]
    after = one_pass(outside)
    assert after is not None and not after.troubled
    assert conditions(outside)["ForgeNotified"] == ("True", "Notified")


@pytest.mark.parametrize(
    ("judged", "left"),
    [
        pytest.param((), BRANCH[:COMMITS_A_PASS], id="none yet: a few"),
        pytest.param(BRANCH[:8], BRANCH[8:], id="the rest"),
        pytest.param(BRANCH, (), id="all"),
    ],
)
def test_only_commits_without_a_verdict_are_judged(judged: tuple[str, ...], left: tuple[str, ...]) -> None:
    assert unseen((*BRANCH, *BRANCH), judged=judged, of_stages=[None, TWO]) == left


# ---- what the forge is owed


def test_the_status_of_a_commit_that_is_followed_no_longer_is_still_published() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result(),)
    outside.forge.down = True
    one_pass(outside)
    owed = outside.cluster.status()["owedStatuses"]
    assert {(one["commit"], one["name"], one["state"]) for one in owed} == {
        (ONE, "amcloud/psram", "failed"),
        (ONE, "amcloud/acceptance", "failed"),
    }
    assert conditions(outside)["ForgeNotified"] == ("False", "ForgeUnavailable")
    outside.source.heads["refs/heads/main"] = TWO
    outside.forge.add(TWO, PipelineStatus.RUNNING)
    outside.forge.down = False
    settle(outside)
    assert outside.forge.last(ONE, "amcloud/psram").state == "failed"
    assert "owedStatuses" not in outside.cluster.status()
    assert conditions(outside)["ForgeNotified"] == ("True", "Notified")


def test_what_is_owed_for_a_day_is_given_up_with_an_event() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result(),)
    outside.forge.down = True
    one_pass(outside)
    outside.passes(86_401)
    one_pass(outside)
    assert {event.reason for event in outside.cluster.events} >= {"StatusGivenUp"}
    assert len(outside.cluster.status().get("owedStatuses", [])) <= 2


def test_a_refused_status_is_a_condition_of_its_own_and_does_not_hide_the_others() -> None:
    outside = hosted()
    publish = outside.forge.set_status

    def refused(project: str, commit: str, status: object) -> bool:
        if getattr(status, "name", "") == "amcloud/psram":
            raise errors.StatusRefusedError("La forge refuse le statut : trop de travaux.")
        return publish(project, commit, status)  # type: ignore[arg-type]

    outside.forge.set_status = refused  # type: ignore[method-assign]
    outside.source.heads["refs/heads/main"] = TWO
    outside.forge.add(TWO, PipelineStatus.RUNNING)
    after = one_pass(outside)
    assert conditions(outside)["ForgeNotified"] == ("False", "StatusRefused")
    assert outside.forge.last(TWO, "amcloud/acceptance").state == "running"
    assert after is not None and not after.troubled, "asking again at once would be refused again"
    told = next(c for c in outside.cluster.status()["conditions"] if c["type"] == "ForgeNotified")
    assert "amcloud/psram" in told["message"] and "trop de travaux" in told["message"]


def test_an_outage_is_written_once_on_the_localapp() -> None:
    outside = hosted()
    outside.forge.down = True
    one_pass(outside)
    before = len(outside.effects)
    for _ in range(5):
        outside.passes(60)
        one_pass(outside)
    assert len(outside.effects) == before


def test_a_commit_that_a_newer_one_replaced_gets_its_last_words() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    one_pass(outside)
    assert outside.forge.last(ONE, "amcloud/acceptance").state == "running"
    outside.source.heads["refs/heads/main"] = TWO
    outside.forge.add(TWO, PipelineStatus.RUNNING)
    one_pass(outside)
    for name in ("amcloud/acceptance", "amcloud/psram"):
        last = outside.forge.last(ONE, name)
        assert last is not None and last.state == "canceled" and TWO[:8] in last.description


def test_one_name_leads_from_the_delivery_to_everything_that_it_brought() -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest())
    outside.conformance.results[ONE] = (result(),)
    for cause in ("13792a34", "autre-passage"):
        found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
        assert found is not None
        reconcile.reconcile(found, replace(outside.world(), cause=cause))
    assert outside.cluster.status()["stages"][0]["correlation"] == "13792a34"
    assert {event.correlation for event in outside.cluster.events if event.reason == "NotConformant"} == {"13792a34"}
    last = outside.forge.last(ONE, "amcloud/psram")
    assert last is not None and str(last.target_url).endswith("?correlation=13792a34")
