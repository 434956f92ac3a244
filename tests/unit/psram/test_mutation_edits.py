"""Mutations are applied exactly as they are written, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import packs
from psram.collect.composer import content_hash
from psram.errors import PackError
from psram.mutations import __main__ as command
from psram.mutations import data
from psram.mutations.data import Edit, Replace
from psram.mutations.inject import Tree, merged
from psram.rules import DecidedBy

FILES = {
    "a.txt": b"un deux un",
    "composer.json": b'{"require": {}}',
    "composer.lock": b'{"content-hash": "' + b"0" * 32 + b'"}',
}


def edited(*edits: Edit) -> Tree:
    tree = Tree(FILES)
    for edit in edits:
        tree.edit(edit)
    return tree


@pytest.mark.parametrize(
    ("edit", "path", "content"),
    [
        pytest.param(Edit("b.txt", create="neuf"), "b.txt", b"neuf", id="create"),
        pytest.param(Edit("a.txt", append=" trois"), "a.txt", b"un deux un trois", id="append"),
        pytest.param(Edit("a.txt", prepend="z\xe9ro "), "a.txt", "zéro un deux un".encode(), id="prepend"),
        pytest.param(Edit("a.txt", replace=Replace("un", "1")), "a.txt", b"1 deux 1", id="replace everywhere"),
        pytest.param(Edit("a.txt", replace=(Replace("un", "1"), Replace("1 d", "d"))), "a.txt", b"deux 1", id="twice"),
        pytest.param(Edit("b.bin", binary="00ff"), "b.bin", b"\x00\xff", id="binary"),
        pytest.param(Edit("a.txt", rename="c/d.txt"), "c/d.txt", b"un deux un", id="rename"),
        pytest.param(Edit("b.txt", create="se@@cret"), "b.txt", b"secret", id="a secret put together"),
    ],
)
def test_an_edit_does_what_it_says_and_nothing_else(edit: Edit, path: str, content: bytes) -> None:
    tree = edited(edit)
    assert tree.files[path] == content
    others = {p: c for p, c in tree.files.items() if p not in (path, edit.path)}
    assert others == {p: c for p, c in FILES.items() if p not in (path, edit.path)}


def test_what_leaves_the_tree_of_files() -> None:
    tree = edited(
        Edit("a.txt", delete=True), Edit("l", link="/etc/passwd"), Edit("m", submodule=True), Edit("o", oversize=True)
    )
    assert "a.txt" not in tree.files
    assert (tree.links, tree.submodules, tree.oversize) == ({"l": "/etc/passwd"}, ["m"], ["o"])
    assert "a.txt" not in edited(Edit("a.txt", rename="b.txt")).files


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(Edit("absent", append="x"), id="append to nothing"),
        pytest.param(Edit("absent", delete=True), id="delete nothing"),
        pytest.param(Edit("absent", rename="x"), id="rename nothing"),
        pytest.param(Edit("a.txt", replace=Replace("trois", "3")), id="replace what is not there"),
        pytest.param(Edit("a.txt"), id="no change"),
        pytest.param(Edit("a.txt", append="x", delete=True), id="two changes"),
    ],
)
def test_an_edit_that_misses_is_refused(edit: Edit) -> None:
    with pytest.raises(PackError, match=r"absent|trois|gestes"):
        edited(edit)


def test_the_lock_is_made_fresh_again() -> None:
    tree = edited(Edit("composer.json", replace=Replace("{}", '{"php": "~8.2.0"}')))
    tree.relock()
    assert json.loads(tree.files["composer.lock"])["content-hash"] == content_hash(
        json.loads(tree.files["composer.json"])
    )


def test_a_manifest_that_cannot_be_read_leaves_the_lock_alone() -> None:
    tree = edited(Edit("composer.json", replace=Replace("{}", "{")))
    tree.relock()
    assert tree.files["composer.lock"] == FILES["composer.lock"]


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_a_context_is_laid_over_another(base: Any, over: Any, result: Any) -> None:
    assert merged(base, over) == result


values = st.recursive(
    st.none() | st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)


@given(base=values, over=values)
def test_laying_nothing_or_the_same_over_changes_nothing(base: Any, over: Any) -> None:
    assert merged(base, base) == base
    assert merged(merged(base, over), over) == merged(base, over)


def test_every_file_of_mutations_can_be_read_and_names_are_given_once() -> None:
    known = data.load_all()
    assert known
    for rule_id, mutations in known.items():
        names = [m.name for m in (*mutations.violations, *mutations.lookalikes)]
        assert len(names) == len(set(names)), rule_id
        assert all(edit.gestures == 1 for m in (*mutations.violations, *mutations.lookalikes) for edit in m.edits)


def test_every_rule_that_the_engine_decides_has_its_violations_and_look_alikes() -> None:
    known = data.load_all()
    decided = {rule.id for rule in packs.load().rules if rule.decided_by is DecidedBy.ENGINE}
    assert decided == known.keys()
    few = {rule for rule, ms in known.items() if min(len(ms.violations), len(ms.lookalikes)) < 5}
    assert few == set()


def test_a_rule_that_the_pack_has_not_is_told_before_anything_is_judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mutations", "ZZZ-008"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert f"ZZZ-008 n'est pas dans {packs.DEFAULT} ; donnez --pack" in capsys.readouterr().err
