"""Who is served no more, from the file that pods read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amcloud_samples import ORGANISATIONS

from amcloud.stages.objects.operations import Key
from amcloud.stages.seen import serving

BOTH = [{"code": "671", "name": "Bas-Rhin"}, {"code": "681", "name": "Haut-Rhin"}]


def left(text: str, *codes: str) -> tuple[str, ...]:
    file: dict[str, Any] = {"data": {serving.FILE: text}}
    live = {Key("", "ConfigMap", "x", "organisations"): file, Key("", "ConfigMap", "x", "autre"): {"data": {}}}
    return serving.left(live, [ORGANISATIONS[code] for code in codes])


def test_who_is_in_the_file_and_no_longer_served_is_named() -> None:
    told = json.dumps({"organisations": BOTH})
    assert left(told, "671") == ("681 (Haut-Rhin)",)
    assert left(told, "671", "681") == ()
    assert serving.left({}, []) == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"organisations": 3}', '{"organisations": [1]}'])
def test_a_file_that_was_damaged_by_hand_names_nobody(text: str) -> None:
    assert left(text, "671") == ()
