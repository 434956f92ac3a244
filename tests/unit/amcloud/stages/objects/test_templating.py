"""Quoting: whatever a value holds, a rendered document holds that value, and no template goes around it."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amcloud import assets
from amcloud.stages.objects import templating

TEMPLATES = assets.hosting_templates()
EXPRESSION = re.compile(r"{{(.*?)}}", re.S)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_survives_quoting(text: str) -> None:
    (document,) = templating.documents("t", f"a: {templating.quoted(text)}\nb: [{templating.quoted(text)}, 1]")
    assert document == {"a": text, "b": [text, 1]}


LEAF = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
DATA = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(DATA)
def test_any_data_survives_quoting(value: Any) -> None:
    (document,) = templating.documents("t", f"a: {templating.quoted(value)}")
    assert document == {"a": value}


def test_no_template_prints_a_value_inside_quotes_or_lifts_the_quoting() -> None:
    for name, text in TEMPLATES.items():
        for match in EXPRESSION.finditer(text):
            before, after = text[: match.start()][-1:], text[match.end() :][:1]
            assert before not in "\"'" and after not in "\"'", (name, match[0])
        assert not re.search(r"\|\s*(safe|string|e|escape)\b|autoescape|Markup", text), name
