"""A revision that was seen to leak while it served: it serves on, and nobody goes back to it nor promotes it."""

from __future__ import annotations

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, TWO, image_of
from amcloud_story import DEPLOYMENT, NAME, hosted, push, settle

from amcloud.errors import InvalidManifestError
from amcloud.settings import INTENTION
from amcloud.stages.declared.intention import Intention, Kind, written
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.walk import Kind as RouteKind
from amcloud.stages.seen.walk import RouteProbe, Seen, Walk
from amcloud.stages.steering import choices

BOTH = [{"name": "acceptance", "ref": {"branch": "main"}}, {"name": "production", "ref": {"tag": "v*"}}]
READ = RouteProbe("GET", "/services", RouteKind.LIST, Seen.LEAK, "l'agent d'un autre organisme y lit ses données")


def serving(outside: FakeWorld) -> str:
    """The image that the Deployment runs."""
    return str(outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"])


def ask(outside: FakeWorld, kind: Kind, stage: str) -> None:
    """Camille asks for ONE there."""
    origin = "acceptance" if kind is Kind.PROMOTE else ""
    asked = Intention(kind, "t1", "camille", "", ONE, image_of(ONE).reference, origin)
    outside.cluster.apps["cpam-bas-rhin", NAME]["metadata"]["annotations"] = {INTENTION + stage: written(asked)}


def history(outside: FakeWorld) -> list[tuple[str, bool]]:
    """The revisions that served, newest first, each with whether it leaks."""
    return [(one["commit"], "leak" in one) for one in outside.cluster.status()["stages"][0]["history"]]


def test_a_revision_that_leaked_while_it_served_is_nobody_s_choice_until_it_is_seen_closed() -> None:
    outside = hosted(stages=BOTH)
    outside.walks.seen = Isolation(walk=Walk((READ,)))
    settle(outside)
    assert history(outside) == [(ONE, True)]
    outside.walks.seen = Isolation()
    push(outside, TWO)
    settle(outside)
    assert history(outside) == [(TWO, False), (ONE, True)]
    found = outside.cluster.local_app("cpam-bas-rhin", NAME)
    assert found is not None
    for chosen in (choices.back, choices.promotable):
        with pytest.raises(InvalidManifestError, match=r"ni reprise ni promue\. Fuite entre organismes constatée sur"):
            chosen(found, "acceptance", ONE)
    with pytest.raises(InvalidManifestError, match="il n'y a où revenir"):
        choices.back(found, "acceptance", "")
    assert choices.promotable(found, "acceptance", "").commit == TWO


@pytest.mark.parametrize("kind", [Kind.HOLD, Kind.PROMOTE])
def test_asking_for_a_revision_that_leaked_is_ignored_and_said(kind: Kind) -> None:
    outside = hosted(stages=BOTH)
    outside.walks.seen = Isolation(walk=Walk((READ,)))
    settle(outside)
    outside.walks.seen = Isolation()
    push(outside, TWO)
    settle(outside)
    stage = "production" if kind is Kind.PROMOTE else "acceptance"
    ask(outside, kind, stage)
    settle(outside)
    (problem,) = [one["message"] for one in outside.cluster.status()["problems"] if "demandée par" in one["message"]]
    assert "11111111 demandée par camille laisse un organisme atteindre les données d'un autre" in problem
    assert serving(outside) == image_of(TWO).reference


def test_a_revision_that_leaks_and_is_held_serves_on() -> None:
    outside = hosted()
    ask(outside, Kind.HOLD, "acceptance")
    settle(outside)
    outside.walks.seen = Isolation(walk=Walk((READ,)))
    push(outside, TWO)
    settle(outside)
    assert serving(outside) == image_of(ONE).reference
    assert history(outside) == [(ONE, True)]
    outside.walks.seen = Isolation(walk=Walk())
    settle(outside)
    assert history(outside) == [(ONE, False)]
