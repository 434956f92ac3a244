"""Mechanical corrections: pure, from content to content; they change what they say, and nothing where they doubt."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import fixes, packs
from psram.collect.memory import collect_files
from psram.fixes import debug_calls, enable_kit, strict_types
from psram.judge import judge
from psram.model import Context, Finding, Report, Stage, Track
from psram.rules import Rule

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
HERE = (Finding("declare(strict_types=1) manque", "src/A.php", 1),)
MENDED = [rule for rule in packs.load().rules if rule.remediation.patch]


def report(files: dict[str, bytes]) -> Report:
    return judge(collect_files(files), packs.load(), CONTEXT)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<?php\nclass A {}\n", b"<?php\n\ndeclare(strict_types=1);\n\nclass A {}\n"),
        (b"<?php\n\nclass A {}\n", b"<?php\n\ndeclare(strict_types=1);\n\nclass A {}\n"),
        (b"<?php\r\nclass A {}\r\n", b"<?php\r\n\r\ndeclare(strict_types=1);\r\n\r\nclass A {}\r\n"),
        (b"#!/usr/bin/env php\n<?php\nfoo();\n", b"#!/usr/bin/env php\n<?php\n\ndeclare(strict_types=1);\n\nfoo();\n"),
        (b"<?php\n// \xe9t\xe9\nclass A {}", b"<?php\n\ndeclare(strict_types=1);\n\n// \xe9t\xe9\nclass A {}"),
    ],
)
def test_strict_types_come_first_whatever_line_ends_and_bytes(before: bytes, after: bytes) -> None:
    assert strict_types.fix(before, HERE) == after


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<h1>x</h1>\n<?php\nf();\n",
        b"<?php namespace A;\n",
        b"<?php\ndeclare(strict_types=0);\n",
        b"\xef\xbb\xbf<?php\n",
    ],
)
def test_what_is_not_plain_is_left_to_a_person(content: bytes) -> None:
    assert strict_types.fix(content, HERE) is None


@pytest.mark.parametrize("rule", MENDED, ids=lambda rule: str(rule.id))
def test_every_correction_that_a_rule_names_exists_and_settles_the_rules_own_bad_examples_or_declines(
    rule: Rule,
) -> None:
    assert fixes.find(rule.remediation.patch) is not None
    settled = 0
    for example in rule.examples.bad:
        files = {path: text.encode() for path, text in example.files.items()}
        made = fixes.corrections(report(files), files.get)
        mended = {**files, **{each.path: each.after for each in made if rule.id in each.rules}}
        if mended != files:
            result = next(r for r in report(mended).results if r.rule_id == rule.id)
            settled += result.verdict.value in ("conforme", "non_applicable")
    assert settled


@pytest.mark.parametrize("name", ["", "absent", "../evil", "os", "__init__", "a_b"])
def test_a_correction_that_does_not_exist_is_none(name: str) -> None:
    assert fixes.find(name) is None


def test_what_may_not_be_read_is_not_corrected() -> None:
    assert fixes.corrections(report({"src/A.php": b"<?php\nclass A {}\n"}), lambda _: None) == ()


def test_findings_follow_their_lines_through_earlier_corrections() -> None:
    before, after = b"a\nb\nc\n", b"x\na\nb changed\nc\n"
    found = tuple(Finding("m", "p", line) for line in (0, 1, 2, 3))
    assert [f.line for f in fixes._moved(found, before, after)] == [0, 2, 4]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\0" not in line), max_size=6), st.booleans())
def test_the_patch_applied_by_git_gives_the_corrected_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bool
) -> None:
    content = b"<?php\n" + b"\n".join(lines) + (b"\n" if end else b"")
    after = strict_types.fix(content, HERE)
    if after is None:
        return
    folder: Path = tmp_path_factory.mktemp("patch")
    (folder / "src").mkdir()
    (folder / "src/A.php").write_bytes(content)
    made = (fixes.Correction("src/A.php", content, after, ("PHP-004",)),)
    patch = fixes.patch(made).encode("utf-8", "surrogateescape")
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], input=patch, cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "src/A.php").read_bytes() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<?php\n$a = 1;\nvar_dump($a);\n$b = 2;\n", b"<?php\n$a = 1;\n$b = 2;\n"),
        (b"<?php\r\nf();\r\n    dd($a, 'x');  \r\n", b"<?php\r\nf();\r\n"),
        (b"<?php\nif ($a) {\n    print_r(f($a));\n}\n", b"<?php\nif ($a) {\n}\n"),
    ],
)
def test_a_debugging_call_goes_with_its_line(before: bytes, after: bytes) -> None:
    found = tuple(Finding("interdit", "src/A.php", line) for line in range(1, before.count(b"\n") + 1))
    assert debug_calls.fix(before, found) == after


@pytest.mark.parametrize(
    "content",
    [
        b"<?php\n$a = var_dump($a);\n",
        b"<?php\nvar_dump($a); f();\n",
        b"<?php\nvar_dump('a\\'b');\n",
        b"<?php\nif ($a)\nvar_dump($a);\n",
        b"<?php\nfoo(\nvar_dump($a));\n",
        b"<?php\neval($a);\n",
    ],
)
def test_a_debugging_call_that_does_more_is_left_to_a_person(content: bytes) -> None:
    found = tuple(Finding("interdit", "src/A.php", line) for line in range(1, content.count(b"\n") + 1))
    assert debug_calls.fix(content, found) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<?php\nreturn [];\n", b"<?php\nreturn [\n    %s::class => ['all' => true],\n];\n"),
        (
            b"<?php\r\nreturn [\r\n    A::class => ['all' => true]\r\n];\r\n",
            b"<?php\r\nreturn [\r\n    A::class => ['all' => true],\r\n    %s::class => ['all' => true],\r\n];\r\n",
        ),
        (b"<?php\nreturn [%s::class => ['test' => true]];\n", b"<?php\nreturn [%s::class => ['all' => true]];\n"),
        (b"<?php\nreturn [\n// %s::class => ['all' => true],\n];\n", b""),
        (b"<?php\nreturn array_merge([], f());\n", b""),
    ],
)
def test_the_kit_is_switched_on_in_the_usual_list(before: bytes, after: bytes) -> None:
    kit = b"AmCloud\\StarterKit\\StarterKitBundle"
    found = (Finding("n'est pas activé", "config/bundles.php", 1),)
    assert enable_kit.fix(before.replace(b"%s", kit), found) == (after.replace(b"%s", kit) or None)
