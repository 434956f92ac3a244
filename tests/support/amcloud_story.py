"""Passes of the real story over the in-memory world: declare, push, build, settle, and what is then read."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, manifest

from amcloud import reconcile
from amcloud.stages.build import PipelineStatus
from amcloud.stages.objects.operations import Key

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


def made_once(world: Callable[..., FakeWorld]) -> Callable[..., FakeWorld]:
    """A world is made once for the same arguments, and copied for each test."""
    known: dict[str, bytes] = {}

    @functools.wraps(world)
    def copied(*arguments: Any, **named: Any) -> FakeWorld:
        asked = repr((arguments, sorted(named.items())))
        if asked not in known:
            known[asked] = pickle.dumps(world(*arguments, **named), pickle.HIGHEST_PROTOCOL)
        found: FakeWorld = pickle.loads(known[asked])
        return found

    return copied


@made_once
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
