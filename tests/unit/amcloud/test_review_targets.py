"""What is new in a merge request is told against the newest commit of the branch that it leads to, followed or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import TWO, result
from amcloud_story import hosted, one_pass, settle

from amcloud.errors import RepositoryRefusedError
from amcloud.ports import Judged, Question, UnderWay
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram.model import Finding

HEADS = tuple(f"{number:040x}" for number in range(10, 20))
"""Newest commits of merge requests."""


def aimed(outside: FakeWorld, branch: str = "develop") -> MergeRequest:
    """A merge request to a branch that no stage follows, whose newest commit is TWO."""
    outside.source.heads[f"refs/heads/{branch}"] = TWO
    request = MergeRequest(3, "ma-branche", branch, HEADS[0])
    outside.forge.requests = [request]
    outside.forge.request_commits[3] = (HEADS[0],)
    return request


def test_what_is_new_is_told_against_a_branch_that_no_stage_follows() -> None:
    outside = hosted()
    outside.conformance.results[TWO] = (result("SEC-001"),)
    found = (Finding("manque", "src/Neuf.php", 1, fingerprint="neuf"),)
    fresh = msgspec.structs.replace(result("PHP-004"), findings=found)
    outside.conformance.results[HEADS[0]] = (result("SEC-001"), fresh)
    aimed(outside)
    settle(outside)
    (note,) = outside.discussion.told(3)
    assert f"**Par rapport à `develop`** ([`{TWO[:8]}`]" in note and "1 nouveau, 1 déjà connu" in note
    assert "src/Neuf.php" in note and note.count("**nouveau**") == 1
    assert outside.forge.last(TWO, "amcloud/psram").state == "failed"
    assert TWO not in outside.forge.by_commit, "nothing of it is built"


def test_while_the_target_is_being_read_the_note_says_so_and_the_next_pass_is_soon() -> None:
    outside = hosted()
    aimed(outside)
    outside.conformance.under_way.add(TWO)
    after = one_pass(outside)
    assert "La branche `develop` n'a pas encore de rapport" in outside.discussion.told(3)[0]
    assert after is not None and after.after_s == 5.0
    outside.conformance.under_way.clear()
    settle(outside)
    assert "**Par rapport à `develop`**" in outside.discussion.told(3)[0]


def test_a_target_of_several_merge_requests_is_judged_once_a_pass() -> None:
    outside = hosted()
    request = aimed(outside)
    outside.forge.requests = [replace(request, iid=n, commit=HEADS[n]) for n in range(4)]
    asked: list[str] = []
    judge = outside.conformance.judge

    def counted(question: Question) -> Judged | UnderWay:
        asked.append(question.commit)
        return judge(question)

    outside.conformance.judge = counted  # type: ignore[method-assign]
    one_pass(outside)
    assert asked.count(TWO) == 1
    assert all("**Par rapport à `develop`**" in outside.discussion.told(n)[0] for n in range(4))


@pytest.mark.parametrize("why", ["gone", "hidden", "refused"])
def test_a_target_that_tells_nothing_keeps_no_commit_from_its_verdict(why: str) -> None:
    outside = hosted()
    aimed(outside)
    read = outside.source.refs
    if why == "gone":
        del outside.source.heads["refs/heads/develop"]
    elif why == "refused":
        outside.forge.refused = {TWO}
    else:
        asked: list[str] = []

        def once_a_pass(project: str, token: str | None) -> Mapping[str, str]:
            asked.append(project)
            if len(asked) % 2 == 0:  # the stage's own reading comes first
                raise RepositoryRefusedError("fermé")
            return read(project, token)

        outside.source.refs = once_a_pass  # type: ignore[method-assign]
        one_pass(outside)
        assert len(asked) == 2
    if why != "hidden":
        settle(outside)
    assert outside.forge.last(HEADS[0], "amcloud/psram").state == "success"
    compared = "**Par rapport à `develop`**" if why == "refused" else "n'a pas encore de rapport"
    assert compared in outside.discussion.told(3)[0]
