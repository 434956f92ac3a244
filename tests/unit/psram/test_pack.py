"""A published pack never changes, and an incoherent one is refused as a whole, saying which rule and how."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from psram import applicability, checks, docs, pack_coherence, pack_reading, pack_sealed, packs
from psram.errors import PackError, UsageError
from psram.rules import DecidedBy

ROOT = Path(__file__).parents[3]
PUBLISHED: dict[str, str] = {
    "psram-2026.1": "sha256:ebfb4ce10976da7abeaf4b9ec56d6b511be184fab610662d12eec68f990f967b",
}
"""Digests of the packs that were published: they never change. A draft is not here yet."""
TREE = {"name": "un cas", "files": {"composer.json": "{}"}}
RULE: dict[str, Any] = {
    "title": "Titre",
    "rationale": "parce que",
    "references": ["LR-DDO-36/2018"],
    "severity": {"labellisation": "bloquante", "homologation": "bloquante"},
    "moment": "source",
    "evidence": "O",
    "remediation": {"fr": "Corrigez"},
    "lifecycle": {"since": "2026.1"},
    "examples": {"good": [TREE], "bad": [TREE]},
}
HEAD = {"name": "essai", "version": "1", "title": "Essai", "families": {"CMP": "Composer"}}
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A draft of two rules."""
    (tmp_path / "rules").mkdir()
    write(tmp_path / "pack.yaml", HEAD)
    write(tmp_path / "rules" / "CMP-001.yaml", {"id": "CMP-001", **RULE})
    write(tmp_path / "rules" / "CMP-003.yaml", {"id": "CMP-003", **RULE, "params": {"hosted_php": "8.2"}})
    return tmp_path


def write(file: Path, content: object) -> None:
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_given: True  # type: ignore[method-assign]
    file.write_text(yaml.dump(content, Dumper=dumper, allow_unicode=True), "utf-8")


def changed(folder: Path, change: Change, rule: str = "CMP-003") -> None:
    file = folder / "rules" / f"{rule}.yaml"
    content = yaml.safe_load(file.read_text("utf-8"))
    change(content)
    write(file, content)


def test_a_published_pack_has_the_digest_that_was_sealed_and_a_draft_is_not_said_sealed() -> None:
    sealed = {name: packs.load(name).digest for name in packs.available() if packs.load(name).sealed}
    assert sealed == PUBLISHED


def test_a_draft_is_sealed_once_and_any_later_change_breaks_the_seal(folder: Path) -> None:
    assert not packs.load(str(folder)).sealed
    digest = packs.seal(str(folder))
    assert packs.load(str(folder)).sealed
    assert (folder / "digest").read_text("ascii") == digest + "\n"
    changed(folder, lambda rule: rule.update(title="Autre titre"))
    packs._load.cache_clear()
    with pytest.raises(PackError, match="empreinte"):
        packs.load(str(folder))


def documents(folder: Path) -> list[dict[str, Any]] | None:
    return pack_sealed.documents(folder, sorted((folder / "rules").glob("*.yaml")))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_pack_is_read_as_it_was_written_down_when_it_was_sealed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = packs.folder() / name
    files = (folder / "pack.yaml", *sorted((folder / "rules").glob("*.yaml")))
    assert repr(documents(folder)) == repr([pack_reading.document(file) for file in files])
    monkeypatch.setattr(pack_reading, "document", lambda file: pytest.fail(f"{file} was parsed"))
    packs._load.cache_clear()
    assert packs.load(name).digest == PUBLISHED[name]


def test_beside_other_yaml_what_was_written_down_is_not_read(folder: Path) -> None:
    digest = packs.seal(str(folder))
    assert documents(folder) is not None
    file = folder / "rules" / "CMP-003.yaml"
    file.write_text("# relu\n" + file.read_text("utf-8"), "utf-8")
    packs._load.cache_clear()
    assert documents(folder) is None
    assert packs.load(str(folder)).digest == digest


def test_of_a_draft_nothing_that_was_written_down_is_read(folder: Path) -> None:
    packs.seal(str(folder))
    (folder / "digest").unlink()
    assert documents(folder) is None


def test_what_was_written_down_then_changed_breaks_the_seal(folder: Path) -> None:
    packs.seal(str(folder))
    kept = folder / pack_sealed.NAME
    content = kept.read_bytes()
    assert content.count(b"parce que") == 2
    kept.write_bytes(content.replace(b"parce que", b"pour rien"))
    packs._load.cache_clear()
    with pytest.raises(PackError, match="empreinte"):
        packs.load(str(folder))


@given(st.binary(max_size=64), st.integers(0, 200))
def test_what_was_written_down_and_is_damaged_is_not_read(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("abime")
    (folder / "rules").mkdir()
    write(folder / "pack.yaml", HEAD)
    write(folder / "rules" / "CMP-001.yaml", {"id": "CMP-001", **RULE})
    digest = packs.seal(str(folder))
    kept = folder / pack_sealed.NAME
    kept.write_bytes(kept.read_bytes()[:cut] + noise)
    packs._load.cache_clear()
    assert packs.load(str(folder)).digest == digest


@pytest.mark.parametrize(
    "odd", [{"zz": {None: 1}}, {"zz": {1: 1}}, {"zz": b"x"}], ids=["null key", "number key", "bytes"]
)
def test_what_was_written_down_is_not_read_when_json_has_no_words_for_it(folder: Path, odd: dict[str, Any]) -> None:
    digest = packs.seal(str(folder))
    kept = folder / pack_sealed.NAME
    source, (head, *rules) = msgspec.msgpack.decode(kept.read_bytes())
    kept.write_bytes(msgspec.msgpack.encode([source, [{**head, **odd}, *rules]]))
    packs._load.cache_clear()
    with contextlib.suppress(PackError):  # bytes have a form in JSON, of another digest
        assert packs.load(str(folder)).digest == digest


def test_a_pack_without_rule_would_refuse_nothing_and_is_none(folder: Path) -> None:
    for file in (folder / "rules").glob("*.yaml"):
        file.unlink()
    with pytest.raises(PackError, match="n'a aucune règle"):
        packs.load(str(folder))


def test_what_is_wrong_in_the_head_of_a_pack_names_its_file_and_field(folder: Path) -> None:
    head = folder / "pack.yaml"
    head.write_text(head.read_text("utf-8") + "\ndeprecated_on: 31/01/2027\n", "utf-8")
    with pytest.raises(PackError, match=r"pack\.yaml, champ « deprecated_on » : une date comme 2027-01-31"):
        packs.load(str(folder))


@pytest.mark.parametrize("digest", ["sha256:0\n", "", "é"])
def test_a_pack_with_a_wrong_digest_is_refused(folder: Path, digest: str) -> None:
    (folder / "digest").write_text(digest, "utf-8")
    with pytest.raises(PackError, match="empreinte"):
        packs.load(str(folder))


def test_a_comment_and_the_order_of_keys_do_not_change_the_digest(folder: Path) -> None:
    before = packs.load(str(folder)).digest
    file = folder / "rules" / "CMP-003.yaml"
    content = yaml.safe_load(file.read_text("utf-8"))
    file.write_text("# relu\n" + yaml.safe_dump(dict(reversed(content.items())), sort_keys=False), "utf-8")
    packs._load.cache_clear()
    assert packs.load(str(folder)).digest == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda r: r.update(requires=["CMP-999"]), "CMP-003 dépend de CMP-999", id="unknown requirement"),
        pytest.param(lambda r: r.update(requires=["CMP-003"]), "CMP-003 dépendent .* en cercle", id="requires itself"),
        pytest.param(lambda r: r.update(id="CMP-001"), "deux fois la même règle : CMP-001", id="duplicate"),
        pytest.param(lambda r: r.update(id="CMP-004"), "CMP-003.yaml contient la règle CMP-004", id="other name"),
        pytest.param(lambda r: r.update(moment="demain"), "champ « moment » : « demain »", id="unknown moment"),
        pytest.param(lambda r: r.update(couleur="bleu"), "CMP-003.yaml : le champ « couleur »", id="unknown field"),
        pytest.param(lambda r: r.pop("severity"), "il manque le champ « severity »", id="no severity at all"),
        pytest.param(lambda r: r["severity"].pop("homologation"), "gravité pour la filière homologation", id="a track"),
        pytest.param(lambda r: r["severity"].update({"homologation/demo": "mineure"}), "homologation/demo", id="stage"),
        pytest.param(lambda r: r.pop("examples"), "CMP-003 n'a pas d'exemple bon et mauvais", id="no examples"),
        pytest.param(lambda r: r["examples"].pop("bad"), "n'a pas d'exemple bon et mauvais", id="no bad example"),
        pytest.param(lambda r: r["remediation"].update(effort="titanesque"), "effort inconnu", id="unknown effort"),
        pytest.param(lambda r: r.update(applies="lundi"), "condition inconnue « lundi »", id="unknown condition"),
        pytest.param(lambda r: r.update(applies={"fact": "lune"}), "fait inconnu « lune »", id="unknown fact"),
        pytest.param(lambda r: r.update(applies={"tracks": ["x"]}), "mal formé", id="unknown track in a condition"),
        pytest.param(lambda r: r.update(lifetime={"days": 7}), "ne nomme pas", id="lifetime of nothing"),
        pytest.param(lambda r: r.update(lifetime={"days": 0}, needs=["forge"]), "nulle", id="no lifetime"),
        pytest.param(lambda r: r.update(needs=["lune"]), "mal formé", id="unknown evidence"),
        pytest.param(
            lambda r: r["lifecycle"].update(effective_on="2027-01-01", deprecated_on="2026-01-01"),
            "cycle de vie en désordre",
            id="ends before it starts",
        ),
        pytest.param(
            lambda r: r.update(graver=[{"when": {"fact": "files"}, "severity": "bloquante"}]), "s'aggrave", id="graver"
        ),
    ],
)
def test_an_incoherent_pack_is_refused(folder: Path, change: Change, said: str) -> None:
    changed(folder, change)
    with pytest.raises(PackError, match=said):
        packs.load(str(folder))


def test_rules_that_require_one_another_are_refused(folder: Path) -> None:
    changed(folder, lambda rule: rule.update(requires=["CMP-001"]))
    changed(folder, lambda rule: rule.update(requires=["CMP-003"]), "CMP-001")
    with pytest.raises(PackError, match="CMP-001, CMP-003 dépendent les unes des autres en cercle"):
        packs.load(str(folder))


def test_a_rule_of_a_family_that_the_pack_does_not_name_is_refused(folder: Path) -> None:
    write(folder / "rules" / "ZZZ-001.yaml", {"id": "ZZZ-001", **RULE})
    with pytest.raises(PackError, match="ZZZ-001 est d'une famille"):
        packs.load(str(folder))


def test_a_rule_that_the_gate_decides_needs_no_example(folder: Path) -> None:
    gate = {**RULE, "decided_by": "gate", "examples": {}}
    write(folder / "rules" / "CMP-004.yaml", {"id": "CMP-004", **gate})
    assert packs.load(str(folder)).rule("CMP-004") is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda r: r["params"].update(hosted_pph="8.2"), "CMP-003 .* hosted_pph", id="misspelt parameter"),
        pytest.param(lambda r: r["remediation"].update(patch="magie"), "CMP-003 .* magie", id="unknown correction"),
        pytest.param(lambda r: r.update(id="CMP-999"), "CMP-999 n'a pas de vérification", id="rule without check"),
    ],
)
def test_what_this_engine_cannot_judge_is_not_sealed(folder: Path, change: Change, said: str) -> None:
    changed(folder, change)
    if "CMP-999" in said:
        (folder / "rules" / "CMP-003.yaml").rename(folder / "rules" / "CMP-999.yaml")
    assert not packs.load(str(folder)).sealed, "a draft may be ahead of the engine"
    with pytest.raises(PackError, match=said):
        packs.seal(str(folder))
    digest = packs.load(str(folder)).digest
    (folder / "digest").write_text(digest, "ascii")
    packs._load.cache_clear()
    with pytest.raises(PackError, match=said):
        packs.load(str(folder))


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"id: [", "ne peut pas", id="not YAML"),
        pytest.param(b"\xff\xfe", "ne peut pas", id="not UTF-8"),
        pytest.param(b"- a\n", "pas un objet", id="a list"),
        pytest.param(b"", "pas un objet", id="nothing"),
        pytest.param(b"x: " + b"[" * 30_000, "imbrique", id="nested until the C parser would crash"),
        pytest.param(b"x: " + b"{a: " * 200 + b"1" + b"}" * 200, "imbrique", id="nested mappings"),
        pytest.param(b"".join(b" " * n + b"a:\n" for n in range(100)), "imbrique", id="nested by indentation"),
        pytest.param(b"- " * 500 + b"a", "imbrique", id="nested by dashes"),
        pytest.param(BOMB.encode(), "alias", id="alias bomb"),
        pytest.param(b"x: " + b"a" * 1_100_000, "1 Mio", id="too big"),
        pytest.param(b"x: !!python/object/apply:os.getcwd []", "ne peut pas", id="code"),
        pytest.param(b"x: !!float ''", "ne peut pas", id="an empty number"),
        pytest.param(b"x: !!bool oui-non", "ne peut pas", id="neither true nor false"),
    ],
)
def test_an_unreadable_rule_is_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / "rules" / "CMP-005.yaml").write_bytes(content)
    with pytest.raises(PackError, match=said):
        packs.load(str(folder))


@given(content=st.binary(max_size=200) | st.text(alphabet="[]{}:-&*!|> \n\tab1", max_size=200).map(str.encode))
def test_any_content_of_a_pack_is_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("pack") / "pack.yaml"
    file.write_bytes(content)
    try:
        assert isinstance(pack_reading.document(file), dict)
    except PackError as error:
        assert "pack.yaml" in str(error)


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
    assert list(pack_coherence.unjudgeable(pack)) == []


def test_the_pages_of_the_rules_are_up_to_date() -> None:
    written = {f.name: f.read_text("utf-8") for f in (ROOT / "docs/regles").glob("*.md")}
    assert written == docs.pages(packs.load("psram-2026.1")), "run: python -m psram.docs docs/regles"


def test_pages_say_what_is_graver_show_yaml_and_code_that_holds_backticks() -> None:
    written = docs.pages(packs.load())
    assert "* **Plus grave** : bloquante pour eval, create_function" in written["PHP-006.md"]
    assert "* **Plus grave** : bloquante si criticité high" in written["PIP-003.md"]
    assert "`create_function`, `` ` ``" in written["PHP-006.md"]
    assert "dated: 2026-05-30" in written["CMP-002.md"]
    assert not [name for name, page in written.items() if "datetime.date(" in page or "`{'" in page]
