"""Text from outside, made fit for people's eyes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.masking import last_lines, mask, one_line


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:S3cr3t@base:5432/x",
        "https://oauth2:S3cr3t@forge.example/a.git",
        "Authorization: Bearer S3cr3t-S3cr3t",
        "PRIVATE-TOKEN: S3cr3t",
        "password=S3cr3t",
        'DB_PASSWORD="S3cr3t"',
        "mot de passe : S3cr3t",
        '{"api_key": "S3cr3t"}',
        "clé glpat-S3cr3tS3cr3t",
        "eyJS3cr3tS3cr3t.eyJS3cr3t.S3cr3t",
    ],
)
def test_a_credential_is_masked(text: str) -> None:
    assert "S3cr3t" not in mask(text)


@pytest.mark.parametrize("text", ["relation « courrier » absente", "http://a.example:8080/x", "erreur ligne 12 : a=b"])
def test_other_text_stays(text: str) -> None:
    assert mask(text) == text


def test_the_end_of_a_log_is_bounded_in_lines_and_characters() -> None:
    log = "\n".join(f"ligne {number}" for number in range(100))
    assert last_lines(log) == " | ".join(f"ligne {number}" for number in range(90, 100))
    assert len(last_lines("x" * 10_000)) == 600


@given(st.text(max_size=2000), st.integers(min_value=10, max_value=300))
def test_any_text_becomes_one_bounded_printable_line(text: str, chars: int) -> None:
    line = one_line(text, chars=chars)
    assert len(line) <= chars
    assert line.isprintable()
