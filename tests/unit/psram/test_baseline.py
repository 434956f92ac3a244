"""New, known and gone: findings keep their identity when lines move and other files are renamed."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sample_reports import conforming, refused, result

from psram import examples, packs
from psram.asking import Answers
from psram.judge import verdict
from psram.model import Finding, Report, Verdict
from psram.reports import Presentation, write
from psram.reports.baseline import State, compare
from psram.rules import Example, Rule

PACK = packs.load()
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


def _moved(path: str, text: str) -> str:
    """The file with lines added near its beginning, that mean nothing."""
    name = path.rpartition("/")[2]
    if path.endswith(".php"):
        head, newline, rest = text.partition("\n")
        return f"{head}\n\n\n{rest}" if head.startswith("<?php") and newline else text
    if path.endswith((".json", ".lock", ".twig", ".css", ".js")):
        return f"\n\n{text}"
    if path.endswith((".yaml", ".yml", ".neon")) or name.startswith((".env", "Dockerfile")):
        return f"# a\n# b\n{text}"
    return f"-- a\n\n{text}" if path.endswith(".sql") else text


def _judged(rule: Rule, example: Example) -> Report:
    alone = msgspec.structs.replace(PACK, rules=(msgspec.structs.replace(rule, requires=()),))
    facts, context = examples.facts(example), examples.context(example)
    return verdict(facts, alone, context, Answers(facts, context))


def test_no_rule_takes_a_line_that_moved_for_a_new_finding() -> None:
    """Every refused example of the pack, with lines added above what is wrong."""
    lost = []
    compared = moved = 0
    for rule in PACK.rules:
        for example in rule.examples.bad:
            shifted = {path: _moved(path, text) for path, text in example.files.items()}
            before, after = _judged(rule, example), _judged(rule, msgspec.structs.replace(example, files=shifted))
            change = compare(after, before)
            compared += change.counted_known
            moved += _lines(after) != _lines(before)
            if change.new or change.gone:
                lost.append((rule.id, example.name))
    known = {
        "SYM-001",
        "CMP-001",
    }  # a kit's file is known by all of its bytes; unreadable JSON by the line of its error
    assert {rule for rule, _name in lost} <= known
    assert len([rule for rule, _name in lost if rule == "CMP-001"]) <= 1
    assert compared > 200
    assert moved > 80, "lines did move"


def _lines(report: Report) -> list[int]:
    return [finding.line for result in report.results for finding in result.findings]


def test_a_measure_that_changed_is_the_same_finding() -> None:
    """What is said of the whole project holds a figure that changes with each commit: it is no news each time."""
    rule = next(r for r in PACK.rules if r.id == "GOV-007")
    before = Example("", files={"vendor/a.php": "<?php\n"})
    after = Example("", files={"vendor/a.php": "<?php\n", "vendor/b.php": "<?php\n"})
    first, second = _judged(rule, before), _judged(rule, after)
    assert first.results[0].findings[0].message != second.results[0].findings[0].message
    assert compare(second, first).sentence() == "0 nouveau, 1 déjà connu, 0 disparu"
