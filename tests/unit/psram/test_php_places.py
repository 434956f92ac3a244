"""What PHP sources log, leave by, and open: told from what is written, and from what only looks like it."""

from __future__ import annotations

import pytest

from psram.collect import flat_data, php


def marks(code: str, kind: str) -> list[tuple[str, str]]:
    found = php.facts(f"<?php\n{code}\n".encode())
    assert not found.has_error
    return [(mark.name, mark.detail) for mark in found.marks if mark.kind == kind]


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("$logger->info('a ' . $nir);", ["nir"]),
        ('$this->logger->info("a {$email} $row[nss] {$a->nom} {$a?->iban()}");', ["email", "iban", "nom", "nss"]),
        ("$logger->error(sprintf('%s', $a->getNir()));", ["nir"]),
        ("$logger->log('info', trim($a->nir) ?: 'x');", []),
        ("$logger->log('info', $x ? 'a' : (string) $nss);", ["nss"]),
        ("$logger->info('a', ['qui' => $a->getDateNaissance()]);", ["dateNaissance", "qui"]),
        ("$logger->info('a', ['nir' => $a->nir()]);", ["nir"]),
        ("error_log('a ' . ($nir ?? ''));", ["nir"]),
        ("syslog(LOG_INFO, $nir);", ["nir"]),
        ("$logger->info('a ' . hash('sha256', $nir) . $this->hidden($nir) . strlen($nir));", []),
        ("$logger->info('nir');", []),
        ("$catalogue->info($nir); error_logs($nir);", []),
        ("$logger->info($a === $nir);", []),
    ],
)
def test_what_a_message_of_a_log_is_made_of_is_named(code: str, named: list[str]) -> None:
    assert [name for name, _detail in marks(code, "log-key")] == named


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("$x or exit('no');", 1),
        ("$x ?? EXIT();", 1),
        ("$x ?: exit;", 1),
        ("$f = fn () =>exit(3);", 1),
        ("$x = match (1) { default=>die(2) };", 1),
        ("if ($x) { exit; } else { die; }", 2),
        ("exit(1);", 1),
        ("$x->exit(); A::exit(); $exit = A::exit; f(exit: 1); $x['die'];", 0),
        ("class A { const exit = 1; function die() { return self::exit; } }", 0),
        ("// exit\n$x = 'or exit';", 0),
    ],
)
def test_every_way_of_leaving_is_one_mark(code: str, count: int) -> None:
    assert len(marks(code, "exit")) == count


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("getenv('DATABASE_URL');", [("DATABASE_URL", "")]),
        ("getenv('DATABASE_URL_' . $x);", [("DATABASE_URL_", "dynamic")]),
        ('getenv("DATABASE_URL_$x");', [("DATABASE_URL_", "dynamic")]),
        ("$_ENV['DATABASE_URL_671'] ?? '';", [("DATABASE_URL_671", "")]),
        ("$_SERVER['A_DATABASE_URL'];", [("A_DATABASE_URL", "")]),
        ("f('%env(resolve:A_DATABASE_URL)%');", [("A_DATABASE_URL", "")]),
        ("f('DATABASE_URL_671'); $a['DATABASE_URL_671']; 'DATABASE_URL';", []),
        ("// getenv('DATABASE_URL_671')", []),
    ],
)
def test_variables_that_name_a_database_are_told_where_they_are_read(
    code: str, expected: list[tuple[str, str]]
) -> None:
    assert marks(code, "database-env") == expected


def test_a_class_without_name_opens_what_it_extends() -> None:
    assert marks("$a = new class ($x) extends \\PDO {};", "new") == [("PDO", "")]
    assert marks("namespace A; $a = new class extends PDO {};", "new") == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("$organisation === 671;", ["671"]),
        ("671 == $this->organisation()->code;", ["671"]),
        ("count($organisations) === 100;", []),
        ("$organisationStatus === 404;", []),
        ("$x === 671; organisation(671);", []),
    ],
)
def test_a_number_is_a_code_where_an_organisation_is_compared_with_it(code: str, found: list[str]) -> None:
    assert [name for name, _detail in marks(code, "code")] == found


@pytest.mark.parametrize(
    ("template", "count"),
    [
        ("{{ dump(a) }}", 1),
        ("{{- a ~ dump() }}", 1),
        ("{% dump a %}", 1),
        ("{{ a.dump(1) }} {{ my_dump(1) }} {{ dump }}", 0),
        ("{{ 'dump(' ~ a }} {# {{ dump(a) }} #}", 0),
    ],
)
def test_templates_that_dump(template: str, count: int) -> None:
    assert [mark.kind for mark in flat_data.twig(template.encode())] == ["twig-dump"] * count


def test_the_line_of_a_byte_that_is_not_utf8_is_told_where_the_source_cannot_be_read() -> None:
    found = php.facts("<?php\n\n$a = 1;\nfunction café() {}\n".encode("latin-1"))
    assert (found.has_error, found.odd_line) == (True, 4)
    assert php.facts("<?php\n$a = 'café'; (\n".encode()).odd_line == 0
    assert php.facts("<?php\n$a = 'café';\n".encode("latin-1")).has_error is False


def test_the_directive_of_strict_types_is_read_in_any_case() -> None:
    assert php.facts(b"<?php\ndeclare ( STRICT_TYPES = 1 ) ;\n").strict_types
