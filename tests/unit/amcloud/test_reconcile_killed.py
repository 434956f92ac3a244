"""Death at every boundary of the story: the same end, without a second build or a second status."""

from __future__ import annotations

import bisect
import functools
import pickle
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


def _wait(outside: FakeWorld) -> None:
    outside.passes(outside.settings.pipeline_grace_s + 1)
    one_pass(outside)


def _finish(outside: FakeWorld) -> None:
    outside.forge.finish(ONE)
    one_pass(outside)


def _push(outside: FakeWorld) -> None:
    push(outside, TWO)
    one_pass(outside)


LIFE = (one_pass, one_pass, _wait, one_pass, _finish, one_pass, _push, one_pass, one_pass)
"""What happens to an application, a pass at a time."""


@functools.cache
def _before() -> tuple[bytes, ...]:
    """The world before each step of a life without a kill, and at its end."""
    outside = FakeWorld()
    outside.cluster.add(manifest())
    seen = [pickle.dumps(outside)]
    for step in LIFE:
        step(outside)
        seen.append(pickle.dumps(outside))
    return tuple(seen)


@functools.cache
def _effects_before() -> tuple[int, ...]:
    return tuple(len(pickle.loads(world).effects) for world in _before())


@functools.cache
def _calm() -> FakeWorld:
    """The end of a life without a kill; to be read only."""
    found: FakeWorld = pickle.loads(_before()[-1])
    return found


def _killed_after(effect: int) -> FakeWorld:
    """The end of a life whose operator ended right after that effect, and was started again."""
    first = bisect.bisect_left(_effects_before(), effect) - 1
    outside: FakeWorld = pickle.loads(_before()[first])
    outside.kill_after = effect
    with pytest.raises(KilledError):
        LIFE[first](outside)
    outside.kill_after = None
    one_pass(outside)
    for step in LIFE[first + 1 :]:
        step(outside)
    return outside


_LAST_OF_A_WAVE = {"Namespace", "Secret", "Job", "Deployment"}


def _worth_a_death(effect: int) -> bool:
    """Not amid the objects of one wave, which are alike: ``stages/test_apply.py`` kills after each of those."""
    effects = _calm().effects
    within = all(name == "apply" for name, *_ in effects[effect - 1 : effect + 1])
    return not within or effects[effect - 1][1].kind in _LAST_OF_A_WAVE


@pytest.mark.parametrize("effect", [n + 1 for n in range(len(_calm().effects)) if _worth_a_death(n + 1)])
def test_killed_after_an_effect_it_ends_in_the_same_state_without_doing_anything_twice(effect: int) -> None:
    calm, outside = _calm(), _killed_after(effect)
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
