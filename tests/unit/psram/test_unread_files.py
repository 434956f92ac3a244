"""GOV-007 of files that nobody can read: those that a person writes are to be corrected, the others to be removed."""

from __future__ import annotations

from datetime import date

import pytest

from psram import checks, packs
from psram.collect.memory import collect_files
from psram.model import Context, Stage, Track

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
UTF_16 = "<?php\n// accentué\n".encode("utf-16")


def said(files: dict[str, bytes], *, oversize: tuple[str, ...] = ()) -> list[str]:
    rule = packs.load().rule("GOV-007")
    assert rule is not None
    facts = collect_files(files, oversize=oversize)
    return [finding.message for finding in checks.find("GOV-007")(facts, rule.params, CONTEXT).findings]


@pytest.mark.parametrize("path", ["src/Utf.php", "config/a.yaml", "lisez-moi.md", "data/table.csv", "a.html.twig"])
def test_a_written_file_in_utf_16_is_to_be_saved_in_utf_8(path: str) -> None:
    (message,) = said({path: UTF_16})
    assert "enregistrez-le en UTF-8" in message


@pytest.mark.parametrize("path", ["data/table.dat", "outil"])
def test_another_binary_content_is_only_said_to_be_one(path: str) -> None:
    assert said({path: UTF_16}) == ["contenu binaire"]


def test_a_source_that_is_too_big_is_to_be_split_and_a_dump_is_not() -> None:
    sources, others = said({}, oversize=("src/Gros.php", "a.twig")), said({}, oversize=("export.sql", "b.dat"))
    assert [message.endswith(" : découpez-le") for message in sources] == [True, True]
    assert [message.endswith("trop gros pour être analysé") for message in others] == [True, True]
