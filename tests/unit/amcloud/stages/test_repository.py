"""Step 2: which commit a stage speaks of."""

from __future__ import annotations

import pytest
from amcloud_samples import ONE, THREE, TWO

from amcloud.stages.declared.app import Ref, RefKind
from amcloud.stages.repository import Head, head, not_found

MAIN, VERSIONS = Ref(RefKind.BRANCH, "main"), Ref(RefKind.TAG, "v*")


def test_a_branch_is_found_by_its_whole_name() -> None:
    refs = {"refs/heads/main": ONE, "refs/heads/feature/main": TWO, "refs/tags/main": THREE}
    assert head(MAIN, refs) == Head("main", ONE)


def test_an_annotated_tag_gives_the_commit_behind_it() -> None:
    assert head(VERSIONS, {"refs/tags/v1": ONE, "refs/tags/v1^{}": TWO}) == Head("v1", TWO)


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        (("v1.9.0", "v1.10.0"), "v1.10.0"),
        (("v2.0.0", "v2.0.0-rc.1"), "v2.0.0"),
        (("v1", "brouillon"), "v1"),
        (("v2", "v10"), "v10"),
    ],
)
def test_of_several_tags_the_highest_version_wins(tags: tuple[str, ...], newest: str) -> None:
    found = head(VERSIONS, {f"refs/tags/{tag}": ONE for tag in tags})
    assert found is not None and found.name == newest


@pytest.mark.parametrize("ref", [MAIN, VERSIONS])
def test_an_absent_ref_is_said_with_what_to_do(ref: Ref) -> None:
    assert head(ref, {}) is None
    assert ref.pattern in not_found("groupe/projet", ref) and "groupe/projet" in not_found("groupe/projet", ref)
