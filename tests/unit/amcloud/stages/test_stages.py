"""Development, acceptance, production side by side: each its size, base and mode; intentions as people write them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, ORGANISATIONS, PACK, TWO, image_of, manifest, result
from amcloud_story import NAME, push, settle, stage_conditions
from hypothesis import given
from hypothesis import strategies as st

from amcloud import assets
from amcloud.errors import InvalidManifestError
from amcloud.settings import INTENTION
from amcloud.stages import render
from amcloud.stages.declared import intention
from amcloud.stages.declared.app import App, Size, StageName
from amcloud.stages.declared.intention import Intention, Kind
from amcloud.stages.gate import Acceptance, Dossier
from amcloud.stages.manifest import parse
from amcloud.stages.objects.operations import Key

THREE_STAGES = [
    {"name": "development", "ref": {"branch": "develop"}},
    {"name": "acceptance", "ref": {"branch": "main"}, "size": "medium"},
    {"name": "production", "ref": {"tag": "v*"}, "size": "large"},
]
REFERENCE = image_of(ONE).reference


def parsed(found: dict[str, Any]) -> App:
    return parse(found, ORGANISATIONS, lambda _: "671")


def all_three() -> FakeWorld:
    """ONE serves everywhere: pushed to develop and main, tagged, accepted."""
    outside = FakeWorld()
    outside.cluster.add(manifest(stages=THREE_STAGES))
    outside.cluster.acceptances = Dossier(acceptances=(Acceptance(ONE, positive=True),))
    outside.source.heads = {"refs/heads/develop": ONE, "refs/heads/main": ONE, "refs/tags/v1": ONE}
    push(outside, ONE)
    settle(outside)
    return outside


def test_three_stages_serve_side_by_side_each_with_its_own_base_and_the_same_digest() -> None:
    outside = all_three()
    deployments = [outside.cluster.objects[Key("apps", "Deployment", f"{NAME}-{one}", NAME)] for one in StageName]
    images = {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments}
    assert images == {REFERENCE}
    assert len(outside.database.databases) == 3
    assert len({access.app_url for access in outside.database.databases.values()}) == 3


def test_each_stage_has_the_size_that_it_asks_for() -> None:
    outside, sizes = all_three(), render.sizes(assets.hosting_templates())
    for stage, size in zip(StageName, ("small", "medium", "large"), strict=True):
        quota = outside.cluster.objects[Key("", "ResourceQuota", f"{NAME}-{stage}", "quota")]
        assert quota["spec"]["hard"] == sizes[size]["quota"]
    app = parsed(manifest(stages=THREE_STAGES))
    assert [app.size(stage) for stage in app.stages] == [Size.SMALL, Size.MEDIUM, Size.LARGE]
    prices = [sizes[size]["yearlyEuros"] for size in ("small", "medium", "large")]
    assert render.yearly_euros(app, assets.hosting_templates()) == sum(prices)


def test_each_stage_has_its_own_mode_of_the_gate() -> None:
    outside = all_three()
    outside.cluster.packs = (replace(PACK, enforced=frozenset({StageName.PRODUCTION})),)  # told elsewhere, not refused
    outside.source.heads = dict.fromkeys(("refs/heads/develop", "refs/heads/main", "refs/tags/v2"), TWO)
    outside.conformance.results[TWO] = (result("SEC-001"),)
    outside.cluster.acceptances = Dossier(acceptances=tuple(Acceptance(one, positive=True) for one in (ONE, TWO)))
    outside.forge.add(TWO, outside.forge.by_commit[ONE][0].status)
    outside.forge.finish(TWO)
    settle(outside)
    assert stage_conditions(outside, "development")["Ready"] == ("True", "Serving")
    assert stage_conditions(outside, "acceptance")["Ready"] == ("True", "Serving")
    assert stage_conditions(outside, "production")["Ready"] == ("False", "NotConformant")
    assert outside.cluster.status()["stages"][2]["deployedCommit"] == ONE


def test_a_stage_s_size_is_one_of_the_closed_list() -> None:
    wrong = [{"name": "acceptance", "ref": {"branch": "main"}, "size": "énorme"}]
    with pytest.raises(InvalidManifestError, match="size"):
        parsed(manifest(stages=wrong))


ASKED = [
    pytest.param(Intention(Kind.HOLD, "t", "camille", "raison", ONE, REFERENCE), id="hold"),
    pytest.param(Intention(Kind.PROMOTE, "t", "", "", ONE, REFERENCE, "acceptance", TWO), id="promote"),
    pytest.param(Intention(Kind.FOLLOW, "2026-11-22T07:40:12.000001Z", "camille", ""), id="follow"),
]


@pytest.mark.parametrize("asked", ASKED)
def test_an_intention_is_read_as_it_was_written(asked: Intention) -> None:
    assert intention.read(intention.written(asked)) == asked
    found = manifest()
    found["metadata"]["annotations"] = {f"{INTENTION}acceptance": intention.written(asked)}
    assert parsed(found).stages[0].intention == asked


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("[]", id="a list"),
        pytest.param('{"kind": "hold", "at": "t"}', id="a hold on nothing"),
        pytest.param(f'{{"kind": "hold", "at": "t", "commit": "{ONE}", "image": "x:latest"}}', id="an image by tag"),
        pytest.param(f'{{"kind": "promote", "at": "t", "commit": "{ONE}", "image": "{REFERENCE}"}}', id="from nowhere"),
        pytest.param('{"kind": "follow"}', id="without its time"),
        pytest.param('{"kind": "follow", "at": "t", "why": "a\\nb"}', id="two lines"),
        pytest.param('{"kind": "follow", "at": "t", "by": "' + "x" * 101 + '"}', id="an endless name"),
        pytest.param('{"kind": "follow", "at": 3}', id="a number"),
        pytest.param('{"kind": "stop", "at": "t"}', id="an unknown word"),
        pytest.param("[" * 5000, id="very deep"),
        pytest.param({"kind": "follow"}, id="no text"),
    ],
)
def test_an_annotation_that_is_no_intention_is_none(value: Any) -> None:
    assert intention.read(value) is None


_FIELDS = ("kind", "at", "by", "why", "commit", "image", "from", "instead")
_VALUES = st.sampled_from([*map(str, Kind), ONE, REFERENCE, "acceptance", "t"]) | st.text(max_size=20) | st.integers()


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES).map(json.dumps) | st.text(max_size=40))
def test_any_annotation_is_a_possible_intention_or_none_and_never_a_crash(value: str) -> None:
    asked = intention.read(value)
    assert asked is None or intention.read(intention.written(asked)) == asked
