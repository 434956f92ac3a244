"""Death at every boundary of the story: the same end, without a second build or a second status."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from amcloud_fakes import FakeWorld, KilledError
from amcloud_samples import ONE, START, TWO, manifest
from amcloud_story import conditions, hosted, one_pass, push, settle

from amcloud import reconcile
from amcloud.stages.build import PipelineStatus


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
