"""A published pack never changes, and an incoherent one is refused as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from psram import applicability, checks, docs, packs
from psram.errors import PackError, UsageError
from psram.rules import DecidedBy

SOURCE = packs.folder() / "psram-2026.1"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A sealed copy of the pack."""
    path = Path(shutil.copytree(SOURCE, tmp_path / "pack"))
    (path / "digest").write_text(packs.load("psram-2026.1").digest + "\n", "ascii")
    return path


def edit(pack: Path, rule: str, old: str, new: str) -> None:
    file = pack / "rules" / f"{rule}.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


PUBLISHED: dict[str, str] = {}
"""Digests of the packs that were published: they never change. A draft is not here yet."""


def test_a_published_pack_has_the_digest_that_was_sealed_and_a_draft_is_not_said_sealed() -> None:
    sealed = {name: packs.load(name).digest for name in packs.available() if packs.load(name).sealed}
    assert sealed == PUBLISHED


def test_a_changed_rule_breaks_the_seal(copy: Path) -> None:
    edit(copy, "MTN-002", "bloquante", "majeure")
    with pytest.raises(PackError, match="empreinte"):
        packs.load(str(copy))


def test_a_comment_does_not_change_the_digest(copy: Path) -> None:
    edit(copy, "MTN-002", "id: MTN-002", "# relu\nid:   MTN-002")
    assert packs.load(str(copy)).sealed


@pytest.mark.parametrize(
    ("rule", "old", "new", "said"),
    [
        pytest.param("CMP-003", "requires: [CMP-001]", "requires: [CMP-999]", "CMP-999", id="unknown requirement"),
        pytest.param("CMP-001", "moment: source", "moment: source\nrequires: [SYM-002]", "cercle", id="circle"),
        pytest.param("CMP-003", "id: CMP-003", "id: CMP-001", "deux fois", id="duplicate"),
        pytest.param("CMP-003", "moment: source", "moment: demain", "mal formé", id="unknown moment"),
        pytest.param("CMP-003", "homologation: bloquante", "autre: bloquante", "filière", id="track without severity"),
        pytest.param("CMP-003", "evidence: O", "evidence: O\ncouleur: bleu", "mal formé", id="unknown field"),
    ],
)
def test_an_incoherent_pack_is_refused(copy: Path, rule: str, old: str, new: str, said: str) -> None:
    (copy / "digest").unlink()
    edit(copy, rule, old, new)
    with pytest.raises(PackError, match=said):
        packs.load(str(copy))


def test_an_unreadable_rule_is_refused(copy: Path) -> None:
    (copy / "rules" / "ZZZ-001.yaml").write_text("id: [", "utf-8")
    with pytest.raises(PackError, match="ZZZ-001"):
        packs.load(str(copy))


def test_an_unknown_pack_names_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"psram-2026\.1"):
        packs.load("psram-1999.1")


def test_every_rule_has_its_check_and_every_check_its_rule() -> None:
    pack = packs.load("psram-2026.1")
    files = (ROOT / "conformance/psram/checks").glob("[a-z]*_[0-9][0-9][0-9].py")
    decided = [rule for rule in pack.rules if rule.decided_by is DecidedBy.ENGINE]
    assert {rule.id for rule in decided} == {f.stem.upper().replace("_", "-") for f in files}
    for rule in decided:
        assert callable(checks.find(rule.id))
        assert not applicability.problem(rule.applies)


def test_the_pages_of_the_rules_are_up_to_date() -> None:
    written = {f.name: f.read_text("utf-8") for f in (ROOT / "docs/regles").glob("*.md")}
    assert written == docs.pages(packs.load("psram-2026.1")), "run: python -m psram.docs docs/regles"
