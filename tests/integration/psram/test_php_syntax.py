"""The syntax verdict: a warm PHP that compiles batches says the same as ``php -l`` on each file alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from psram import packs
from psram.collect import php as php_facts
from psram.collect.memory import collect_files
from psram.facts import Syntax
from psram.judge import judge
from psram.model import Context, Limits, Php, Stage, Track, Verdict
from psram.worker import php as php_worker

CORPUS = Path(__file__).parents[2] / "data" / "php"
FILES = sorted(CORPUS.rglob("*.php"))
PHP = Php(shutil.which("php8.2") or "php", "8.2")
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
REFUSED = ("syntaxe", "compilation", "plus_recents", "anciens")

if php_worker.version(PHP) is None:
    pytest.skip("no PHP 8.2 on this machine", allow_module_level=True)


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def contents() -> list[tuple[str, bytes]]:
    return [(name(file).replace("/", "-"), file.read_bytes()) for file in FILES]


def verdicts(given: list[tuple[str, bytes]], php: Php = PHP) -> dict[str, Syntax]:
    found = php_worker.syntax(php, given, Limits())
    assert found is not None
    return found.verdicts


@pytest.fixture(scope="module")
def batched() -> Iterator[dict[str, Syntax]]:
    yield verdicts(contents())


def test_the_corpus_has_what_it_should() -> None:
    counts = {folder: len(list((CORPUS / folder).glob("*.php"))) for folder in (*REFUSED, "valides")}
    assert counts == {"syntaxe": 28, "compilation": 16, "plus_recents": 8, "anciens": 5, "valides": 6}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_batch_says_of_each_file_what_php_says_of_it_alone(file: Path, batched: dict[str, Syntax]) -> None:
    alone = subprocess.run([PHP.program, "-n", "-l", str(file)], capture_output=True, check=False)
    said = batched[name(file).replace("/", "-")]
    assert said.ok is (alone.returncode == 0)
    assert said.ok is (file.parent.name not in REFUSED)
    assert said.ok or (said.error and said.line >= 1)


def test_messages_name_neither_folders_nor_content_ids_of_this_machine(batched: dict[str, Syntax]) -> None:
    assert not [said.error for said in batched.values() if "/tmp" in said.error or "psram-php" in said.error]


def test_verdicts_do_not_depend_on_company_nor_on_order(batched: dict[str, Syntax]) -> None:
    assert verdicts(contents()[::-1]) == batched
    for each in contents():
        assert verdicts([each]) == {each[0]: batched[each[0]]}


def test_two_files_that_declare_the_same_names_are_not_judged_by_each_other() -> None:
    twice = [(f"f{i}", b"<?php\nclass A {}\nfunction f(): void {}\nconst B = 1;\n// %d\n" % i) for i in range(5)]
    assert all(said.ok for said in verdicts(twice).values())


def test_a_class_that_does_not_fit_its_parent_in_another_file_is_not_refused() -> None:
    parent = b"<?php\nclass A { public function f(int $a): int { return 1; } }\n"
    child = b"<?php\nclass B extends A { public function f(string $a): string { return ''; } }\n"
    assert all(said.ok for said in verdicts([("a", parent), ("b", child)]).values())


def test_nothing_of_a_file_is_executed(tmp_path: Path) -> None:
    proof = tmp_path / "preuve"
    source = f"<?php\nfile_put_contents('{proof}', 'x');\n__halt_compiler();".encode()
    assert verdicts([("a", source)])["a"].ok
    assert not proof.exists()


def test_a_file_that_php_cannot_hold_in_memory_has_no_verdict_and_its_neighbours_have_theirs() -> None:
    huge = b"<?php\n$b = [" + b"[$a]," * 1_500_000 + b"];\n"
    given = [("gros", huge), ("bon", b"<?php\n"), ("mauvais", b"<?php\n(\n")]
    found = verdicts(given)
    assert "gros" not in found
    assert found["bon"].ok
    assert not found["mauvais"].ok


def test_without_opcache_php_is_asked_file_by_file(tmp_path: Path) -> None:
    bare = tmp_path / "php"
    bare.write_text(f'#!/bin/sh\ncase "$*" in *driver.php*) exit 3;; esac\nexec {PHP.program} "$@"\n', "ascii")
    bare.chmod(0o755)
    some = contents()[::9]
    assert {b: s.ok for b, s in verdicts(some, Php(str(bare), "8.2")).items()} == {
        b: s.ok for b, s in verdicts(some).items()
    }


def test_a_php_of_another_version_or_absent_gives_no_verdict_at_all() -> None:
    for php in (Php(PHP.program, "7.4"), Php("/no/such/php", "8.2")):
        assert php_worker.syntax(php, contents()[:1], Limits()) is None


def of_php_001(source: bytes, php: Php | None) -> Verdict:
    report = judge(collect_files({"src/A.php": source}, php=php), packs.load(), CONTEXT)
    return next(r.verdict for r in report.results if r.rule_id == "PHP-001")


@pytest.mark.parametrize("file", [f for f in FILES if f.parent.name == "syntaxe"], ids=name)
def test_tree_sitter_agrees_on_pure_syntax_errors(file: Path) -> None:
    assert php_facts.facts(file.read_bytes()).has_error


def test_where_php_accepts_what_tree_sitter_cannot_read_the_rule_cannot_tell() -> None:
    source = b"<?php\nclass \xa9 {}\nnew \xa9();\n$a = <<<X\n<?php\nX;\n$b = clone $c = clone $d;\n"
    assert php_facts.facts(source).has_error
    assert verdicts([("a", source)])["a"].ok
    assert of_php_001(source, PHP) is Verdict.UNKNOWN


def test_where_php_refuses_what_tree_sitter_reads_the_rule_is_violated() -> None:
    source = b"<?php\nbreak;\n"
    assert not php_facts.facts(source).has_error
    assert of_php_001(source, PHP) is Verdict.VIOLATED
    assert of_php_001(source, None) is Verdict.UNKNOWN
