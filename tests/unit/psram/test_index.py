"""What rules look things up in says the same as a walk over all facts, whatever a content holds."""

from __future__ import annotations

import fnmatch
import re
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psram import index
from psram.checks import php_005
from psram.checks.common import pattern
from psram.facts import (
    BlobFacts,
    DataFacts,
    DataSite,
    Facts,
    FileFact,
    Kind,
    Mark,
    Member,
    PhpFacts,
    Skip,
    SqlSite,
    SqlStatement,
    TestSuite,
    Typing,
)
from psram.judge import judge
from psram.model import MAX_FINDINGS, Context, Derogation, Stage, Track
from psram.packs import load

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
MARK = Mark(1, "call", "f")
BESIDE: dict[str, Any] = {
    "data": DataFacts(),
    "sql": (SqlStatement(1, "create_table", "t"),),
    "secrets": (MARK,),
    "personal": (MARK,),
    "literals": (MARK,),
    "remote": (MARK,),
    "emails": (MARK,),
}
IN_CODE: dict[str, Any] = {
    "access": (DataSite(1, "sql"),),
    "sql": (SqlSite(1, "native", "", dynamic=True),),
    "members": (Member("A", "b", 1),),
    "tests": (TestSuite("T", 1),),
}
KINDS = ("call", "superglobal", "goto")
MARKS = st.lists(st.builds(Mark, st.integers(1, 9), st.sampled_from(KINDS), st.sampled_from("abc")), max_size=4)


def _facts(contents: dict[str, BlobFacts], **file: object) -> Facts:
    files = (FileFact(path, path, 1, **file) for path in sorted(contents))  # type: ignore[arg-type]
    return Facts("c", "t", files=tuple(files), blobs=contents)


def _php(**facts: object) -> BlobFacts:
    return BlobFacts(php=PhpFacts(**facts))  # type: ignore[arg-type]


def test_all_that_a_content_can_say_beside_code_is_looked_up() -> None:
    assert {*BESIDE, "php", "begins_as_php", "with_lf"} == set(BlobFacts.__struct_fields__)


@pytest.mark.parametrize("field", BESIDE)
def test_a_content_that_says_one_thing_beside_code_is_found(field: str) -> None:
    facts = _facts({"a": BlobFacts(**{field: BESIDE[field]}), "b.php": _php(marks=(MARK,))})

    assert [file.path for file, _blob in index.beside_code(facts)] == ["a"]


@pytest.mark.parametrize("field", IN_CODE)
def test_code_that_has_to_do_with_data_or_tests_is_found(field: str) -> None:
    facts = _facts({"a.php": _php(marks=(MARK,)), "b.php": _php(**{field: IN_CODE[field]})})

    assert [file.path for file, _php in index.data_code(facts)] == ["b.php"]


@given(st.dictionaries(st.sampled_from(["a.php", "b.php", "c.txt", "d.php"]), MARKS))
def test_marks_by_kind_are_those_of_a_walk_over_the_files(contents: dict[str, list[Mark]]) -> None:
    facts = _facts({path: _php(marks=tuple(marks)) for path, marks in contents.items()})
    walked = [(f.path, m) for kind in KINDS for f, p in index.php_files(facts) for m in p.marks if m.kind == kind]

    assert [(file.path, mark) for file, mark in index.marks(facts, *KINDS)] == walked


@pytest.mark.parametrize("file", [{"skipped": Skip.BINARY}, {"kind": Kind.LINK}, {"kind": Kind.SUBMODULE}])
def test_what_is_not_read_as_a_file_has_no_content(file: dict[str, object]) -> None:
    facts = _facts({"a.php": _php()}, **file)

    assert (index.contents(facts), index.php_files(facts), index.content(facts, "a.php")) == ((), (), None)


def test_code_that_could_not_be_analysed_is_known_by_its_name_only() -> None:
    facts = _facts({"a.php": _php(has_error=True), "b.txt": BlobFacts(php=PhpFacts(), begins_as_php=True)})

    assert [file.path for file, _php in index.named_php(facts)] == ["a.php"]
    assert [file.path for file, _php in index.php_files(facts)] == ["b.txt"]


NAMES = st.text(alphabet="ab.*\n", max_size=6)


@example(["*.ab"], "ab")
@example(["*.a.b"], "x.a.b")
@given(st.lists(st.text(alphabet="ab.*?[]", max_size=5), max_size=4), NAMES)
def test_patterns_of_names_match_what_the_shell_matches(patterns: list[str], name: str) -> None:
    told = any(re.fullmatch(fnmatch.translate(each), name) for each in patterns)

    assert pattern(tuple(patterns)).match(name) is told


def _untyped(files: int, each: int) -> Facts:
    names = "\n".join(f"{line} $p{line}" for line in range(1, each + 1))
    typing = Typing(total=each, typed=0, untyped=names)
    return _facts({f"src/F{number:03}.php": _php(typing=typing) for number in range(files)})


def test_missing_types_that_nobody_is_shown_are_counted() -> None:
    facts, params = _untyped(50, 9), {"min_ratio": 0.95, "ignore": []}
    narrow = Derogation("d", "PHP-005", "x", "y", date(2027, 1, 1), paths=("src/F000.php",))

    short = php_005.check(facts, params, CONTEXT)
    whole = php_005.check(facts, params, msgspec.structs.replace(CONTEXT, derogations=(narrow,)))

    assert (len(whole.findings), whole.more) == (1 + 50 * 9, 0)
    assert len(short.findings) + short.more == len(whole.findings)
    assert MAX_FINDINGS <= len(short.findings) < MAX_FINDINGS + 10
    assert short.findings == whole.findings[: len(short.findings)]


def test_a_report_counts_missing_types_beyond_those_it_shows() -> None:
    report = judge(_untyped(50, 9), load("psram-2026.1"), CONTEXT)

    [result] = (r for r in report.results if r.rule_id == "PHP-005")

    assert (len(result.findings), result.findings_total) == (MAX_FINDINGS, 451)
