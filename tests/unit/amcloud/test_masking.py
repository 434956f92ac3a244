"""Text from outside, made fit for people's eyes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.masking import PERSONAL, journal, last_lines, mask, mask_personal, one_line


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


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("2 69 05 49 588 157 80", id="NIR with its key"),
        pytest.param("269054958815780", id="NIR without blanks"),
        pytest.param("2690549588157", id="NIR without key"),
        pytest.param("1 85 12 2A 004 021", id="NIR of Corsica"),
        pytest.param("1.85.12.2b.004.021", id="NIR with points"),
        pytest.param("FR76 3000 6000 0112 3456 7890 189", id="IBAN"),
        pytest.param("FR7630006000011234567890189", id="IBAN without blanks"),
        pytest.param("DE89370400440532013000", id="IBAN of elsewhere"),
        pytest.param("claire.martin+dossier@cpam-671.exemple.fr", id="e-mail"),
        pytest.param("06 12 34 56 78", id="telephone"),
        pytest.param("+33 6 12 34 56 78", id="telephone, international"),
        pytest.param("0388112233", id="telephone without blanks"),
    ],
)
@pytest.mark.parametrize("around", ["assuré {} absent", "nir={}", '{{"v":"{}"}}', "({})", "{}", "a\n{}\nb"])
def test_personal_data_is_masked_wherever_it_stands(value: str, around: str) -> None:
    text = around.format(value)
    assert mask_personal(text) == around.format(PERSONAL)
    assert value not in last_lines(text) and value not in journal(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T08:00:00.123456+00:00 GET /courriers/1234 200 0.012",
        "commit 8dd56b7c8dd56b7c8dd56b7c8dd56b7c8dd56b7c",
        "localhost:5000/cpam-bas-rhin/suivi-courriers@sha256:" + "0a12b3c4d5" * 6 + "e6f7",
        "198.18.0.1:15432 127.0.0.1 10.0.0.1",
        "organisme 671, courrier 000012, 12 345 lignes",
        "FR76 3000 6000 0112 3456 7890 188 (clé fausse)",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask_personal(text) == text


def test_the_very_values_of_the_instance_s_secrets_are_masked_and_lines_stay() -> None:
    said = "connexion avec zouave-2026\n\tcode abc\x1b[31m rouge"
    assert journal(said, ["zouave-2026", "abc"]) == "connexion avec ***\n\tcode abc [31m rouge"


@given(st.text(max_size=500))
def test_any_text_can_be_shown(text: str) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in journal(text))


def test_the_end_of_a_log_is_bounded_in_lines_and_characters() -> None:
    log = "\n".join(f"ligne {number}" for number in range(100))
    assert last_lines(log) == " | ".join(f"ligne {number}" for number in range(90, 100))
    assert len(last_lines("x" * 10_000)) == 600


@given(st.text(max_size=2000), st.integers(min_value=10, max_value=300))
def test_any_text_becomes_one_bounded_printable_line(text: str, chars: int) -> None:
    line = one_line(text, chars=chars)
    assert len(line) <= chars
    assert line.isprintable()
