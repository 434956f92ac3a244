"""Nesting is told before anything is parsed: the C parser would crash on it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from psram.yaml_depth import nests_beyond

LIMIT = 100
DEEP = 40_000


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        pytest.param("a: " + "[" * DEEP, True, id="brackets"),
        pytest.param("a: " + '[ "]", ' * DEEP, True, id="closing brackets in strings close nothing"),
        pytest.param("a: " + "[ # ]\n " * DEEP, True, id="closing brackets in comments close nothing"),
        pytest.param("a: " + "{a: " * DEEP, True, id="braces"),
        pytest.param("- " * DEEP + "a", True, id="dashes"),
        pytest.param("? " * DEEP + "a", True, id="question marks"),
        pytest.param("".join(" " * n + "a:\n" for n in range(300)), True, id="indentation"),
        pytest.param("a: '" + "[" * DEEP + "'", False, id="brackets in a string open nothing"),
        pytest.param("a: [" + "[a], " * 500 + "]", False, id="many side by side"),
        pytest.param("a:" + "[" * 100 + "]" * 100, False, id="not YAML: a plain scalar"),
        pytest.param("a: " + "[" * 99 + "]" * 99, False, id="as deep as allowed"),
        pytest.param("a: " + "[" * 100 + "]" * 100, True, id="one more"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_depth_is_told_whatever_strings_hold(text: str, deep: bool) -> None:
    assert nests_beyond(text, LIMIT) is deep


def _depth(node: object) -> int:
    if isinstance(node, dict):
        return 1 + max((_depth(value) for value in node.values()), default=0)
    return 1 + max(map(_depth, node), default=0) if isinstance(node, list) else 0


values = st.recursive(
    st.text("a[]{}-: '\"#", max_size=6) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(value=values, flow=st.booleans(), limit=st.integers(0, 8))
def test_it_agrees_with_the_depth_of_what_is_read(value: object, flow: bool, limit: int) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow)
    depth = _depth(yaml.safe_load(text))
    assert not nests_beyond(text, limit) or depth > limit
    assert nests_beyond(text, limit) or depth <= 2 * limit + 1


@given(text=st.text("[]{}-?: \n\t'\"#&*!|>a1", max_size=120), limit=st.integers(0, 5))
def test_any_text_has_an_answer(text: str, limit: int) -> None:
    assert nests_beyond(text, limit) in (True, False)
