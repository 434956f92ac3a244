"""New, known and gone: findings keep their identity when lines move and other files are renamed."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sample_reports import conforming, refused, result

from psram.model import Finding, Report, Verdict
from psram.reports import Presentation, write
from psram.reports.baseline import State, compare

LINES = st.lists(st.sampled_from(["eval($a);", "dump($b);", "exit;"]), max_size=12)
FILES = st.dictionaries(st.sampled_from(["src/A.php", "src/B.php", "src/C.php"]), LINES, min_size=1)
SHIFTS = st.integers(min_value=0, max_value=500)


def _report(files: dict[str, list[str]], shift: int = 0) -> Report:
    findings = [
        Finding("interdit", path, shift + number, excerpt=line)
        for path, lines in files.items()
        for number, line in enumerate(lines, 1)
    ]
    verdict = Verdict.VIOLATED if findings else Verdict.CONFORMING
    return msgspec.structs.replace(conforming(), results=(result("PHP-006", "Interdit", verdict, *findings),))


def _count(files: dict[str, list[str]]) -> int:
    return sum(len(lines) for lines in files.values())


@given(FILES, SHIFTS)
def test_lines_that_move_are_known(files: dict[str, list[str]], shift: int) -> None:
    change = compare(_report(files, shift), _report(files))
    assert (change.counted_new, change.counted_known, change.gone) == (0, _count(files), ())


@given(FILES, LINES)
def test_renaming_another_file_changes_nothing_for_this_one(files: dict[str, list[str]], other: list[str]) -> None:
    change = compare(_report({**files, "src/Neuf.php": other}), _report({**files, "src/Ancien.php": other}))
    assert change.counted_known == _count(files)
    assert change.counted_new == len(change.gone) == len(other)


@given(FILES, FILES)
def test_every_finding_is_told_once_and_gone_ones_are_new_the_other_way(
    files: dict[str, list[str]], before: dict[str, list[str]]
) -> None:
    here, there = _report(files), _report(before)
    change, back = compare(here, there), compare(there, here)
    assert change.counted_new + change.counted_known == _count(files)
    assert {gone.place.fingerprint for gone in change.gone} == back.new
    assert change.unchanged == back.unchanged
    assert not change.new & change.unchanged
    assert change.untold == 0


@given(FILES)
def test_order_does_not_count_but_repetition_does(files: dict[str, list[str]]) -> None:
    more = {path: [*lines, "eval($a);"] for path, lines in files.items()}
    change = compare(_report(more), _report(files))
    assert (change.counted_new, len(change.gone)) == (len(files), 0)


def test_the_sentence_agrees_in_number() -> None:
    before = _report({"src/A.php": ["eval($a);", "exit;", "eval($a);"]})
    here = _report({"src/A.php": ["eval($a);", "dump($b);", "dump($b);", "dump($b);"]})
    assert compare(here, before).sentence() == "3 nouveaux, 1 déjà connu, 2 disparus"


def test_where_a_list_is_cut_nothing_is_guessed() -> None:
    whole = _report({"src/A.php": ["eval($a);"] * 3})
    (rule,) = whole.results
    cut = msgspec.structs.replace(whole, results=(msgspec.structs.replace(rule, findings=rule.findings[:1]),))
    assert compare(whole, cut).sentence() == "0 nouveau, 1 déjà connu, 0 disparu, 2 non comparables"
    assert compare(cut, whole).sentence() == "0 nouveau, 1 déjà connu, 0 disparu, 2 non comparables"
    assert compare(cut, conforming()).sentence() == "3 nouveaux, 0 déjà connu, 0 disparu"


def test_a_derogation_makes_a_finding_neither_new_nor_gone() -> None:
    before = _report({"src/A.php": ["exit;"]})
    (rule,) = before.results
    accepted = msgspec.structs.replace(before, results=(msgspec.structs.replace(rule, verdict=Verdict.DEROGATED),))
    change = compare(accepted, before)
    assert change.sentence() == "0 nouveau, 0 déjà connu, 0 disparu"
    assert change.state(rule.findings[0].fingerprint) is State.UNCHANGED


def test_sarif_and_the_page_say_it() -> None:
    here = _report({"src/A.php": ["eval($a);", "dump($b);"]})
    shown = Presentation(previous=_report({"src/A.php": ["eval($a);", "exit;"]}))
    run = json.loads(write("sarif", here, shown))["runs"][0]
    assert sorted(r["baselineState"] for r in run["results"]) == ["absent", "new", "unchanged"]
    page = write("html", here, shown).decode()
    assert "1 nouveau, 1 déjà connu, 1 disparu" in page
    assert "Constats disparus (1)" in page
    assert not any("baselineState" in r for r in json.loads(write("sarif", here))["runs"][0]["results"])


def test_the_same_report_brings_nothing_new() -> None:
    change = compare(refused(), refused())
    assert not change.new
    assert not change.gone
