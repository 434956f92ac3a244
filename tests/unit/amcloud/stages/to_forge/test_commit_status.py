"""A commit status is always one that GitLab takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages.to_forge.commit_status import CommitState, commit_status

REPORT = "https://rapports.amcloud.example/" + "a" * 180 + "/" + "c" * 40


@given(st.text(max_size=600), st.text(max_size=400))
def test_any_sentence_fits_on_one_line_of_255_characters(words: str, url: str) -> None:
    made = commit_status("amcloud/psram", CommitState.FAILED, words, url)
    assert len(made.description) <= 255 and len(made.description.splitlines()) <= 1
    assert made.target_url is None or len(made.target_url) <= 255


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param(REPORT[:40], REPORT[:40], id="short"),
        pytest.param(REPORT + "?correlation=1", REPORT, id="the report is worth more than what brought it"),
        pytest.param(REPORT + "c" * 40 + "?correlation=1", None, id="an address that is cut leads nowhere"),
        pytest.param(None, None, id="none"),
    ],
)
def test_an_address_is_whole_or_not_there(url: str | None, shown: str | None) -> None:
    assert commit_status("amcloud/psram", CommitState.SUCCESS, "Conforme.", url).target_url == shown
