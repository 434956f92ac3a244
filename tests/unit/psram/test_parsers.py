"""Any input is parsed or refused, never a crash; and what each parser must not confuse."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import evidence, versions
from psram.collect import composer, contents, flat_data, php, sensitive, sql_data, yaml_data
from psram.errors import UsageError
from psram.facts import Syntax, SyntaxFacts
from psram.model import TestSummary
from psram.roles import Role

PHP_PIECES = st.sampled_from(
    [
        *("<?php\n", "namespace A;\n", "use B\\{C, D as E};\n", "class X extends Y { use T; }\n", "#[E(x: 'y')]\n"),
        *("$a = ", "'671'", '"SELECT $b"', ".", ";", "(", ")", "[", "]", "{", "}", "->getFilters()", "->disable('x')"),
        *(
            "<<<SQL\n",
            "SQL;\n",
            "eval",
            "die",
            "$_GET",
            "match (",
            "fn() => ",
            "?->",
            "::",
            "/* ",
            "*/",
            "\n",
            "é",
            "\0",
        ),
    ]
)
PIECES = st.lists(PHP_PIECES, max_size=40).map("".join).map(str.encode)
SQL_WORDS = [
    "create table t (organisation",
    "alter table",
    "policy p on t using (",
    "$$",
    "'",
    '"',
    ";",
    "--",
    "/*",
    ")",
]


@given(st.one_of(st.binary(max_size=400), PIECES, PIECES.map(lambda text: b"<?php\n" + text)))
def test_any_php_is_parsed_or_has_an_error_line(content: bytes) -> None:
    found = php.facts(content)
    assert not found.has_error or found.error_line >= 1


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="[]{}-? :\n&*a!'\"|>#%@", max_size=200).map(str.encode)))
def test_any_yaml_is_parsed_or_refused(content: bytes) -> None:
    found = yaml_data.facts(content)
    assert all(entry.line >= 1 for entry in found.entries)


@given(
    st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(SQL_WORDS), max_size=30).map(" ".join).map(str.encode))
)
def test_any_sql_is_read(content: bytes) -> None:
    assert all(statement.line >= 1 for statement in sql_data.facts(content))


@given(st.binary(max_size=300))
def test_any_content_is_extracted_under_every_role(content: bytes) -> None:
    for role in Role:
        contents.extract(content, frozenset({role}))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_manifest_is_read_or_has_a_problem(manifest: bytes, lock: bytes) -> None:
    found = composer.facts(manifest, lock)
    assert found.manifest_present
    assert found.manifest_problem or found.content_hash


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=15,
)
KEYS = [
    "name",
    "require",
    "require-dev",
    "autoload",
    "repositories",
    "config",
    "platform",
    "php",
    "type",
    "url",
    "dist",
]


@given(st.dictionaries(st.sampled_from([*KEYS, "packages", "psr-4"]), JSON, max_size=6))
def test_a_manifest_of_any_shape_is_read(content: dict[str, Any]) -> None:
    raw = json.dumps(content).encode()
    found = composer.facts(raw, raw)
    assert bool(found.content_hash) is not bool(found.manifest_problem)
    assert found.lock_problem or all(p.name and p.version for p in found.packages)


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_constraint_is_understood_or_not(constraint: str, version: str) -> None:
    assert versions.allows(constraint, version) in (True, False, None)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet='<>/testcasuilurefnm ="', max_size=120).map(str.encode)))
def test_any_junit_is_read_or_refused(content: bytes) -> None:
    try:
        assert evidence.read_junit(content).tests >= 0
    except UsageError as error:
        assert "JUnit" in str(error)


@given(st.binary(max_size=200))
def test_any_evidence_file_is_read_or_refused(content: bytes) -> None:
    with pytest.raises(UsageError):
        evidence.load(content)


@pytest.mark.parametrize(
    ("constraint", "version", "allowed"),
    [
        ("^1.0", "1.9.9", True),
        ("^1.0", "2.0.0", False),
        ("^0.3", "0.4.0", False),
        ("^0.0.3", "0.0.4", False),
        ("~8.2.0", "8.2.999", True),
        ("~8.2.0", "8.3.0", False),
        ("~8.2", "8.9.0", True),
        (">=8.1 <8.4", "8.2.5", True),
        (">=8.1,<8.2", "8.2.0", False),
        ("8.1 - 8.2", "8.2.999", True),
        ("8.1.0 - 8.1.9", "8.2.0", False),
        ("8.*", "8.2.1", True),
        ("8.1.*", "8.2.1", False),
        ("^7.4 || ^8.1", "8.2.0", True),
        ("^7.4|^8.3", "8.2.0", False),
        ("*", "1.0.0", True),
        ("!=1.1.0", "1.1.0", False),
        ("1.1.0", "v1.1.0", True),
        ("^1.0", "1.1.0-RC1", True),
        ("^1.1", "1.1.0-beta2", True),
        ("<1.1", "1.1.0-beta2", False),
        (">1.1", "1.1.0-beta2", False),
        ("^1.0@dev", "1.2.0", True),
        ("dev-main", "1.0.0", None),
        ("la dernière", "1.0.0", None),
        ("", "1.0.0", None),
    ],
)
def test_constraints_are_those_of_composer(constraint: str, version: str, allowed: bool | None) -> None:
    assert versions.allows(constraint, version) is allowed


JUNIT = b"""<?xml version="1.0"?><testsuites tests="99"><testsuite name="a">
<testcase classname="A" name="ok"/><testcase classname="A" name="ko"><failure>x</failure></testcase>
<testcase classname="IsolationTest" name="e"><error/></testcase><testcase classname="A" name="s"><skipped/></testcase>
</testsuite></testsuites>"""


def test_junit_cases_are_counted_one_by_one_whatever_the_announced_total() -> None:
    expected = TestSummary(4, 1, 1, 1, isolation=1, failed_names=("A::ko", "IsolationTest::e"))
    assert msgspec.structs.replace(evidence.read_junit(JUNIT), cases=(), cases_total=0) == expected


def test_a_junit_with_a_document_type_is_refused_before_any_expansion() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><testsuite>&c;</testsuite>'
    with pytest.raises(UsageError, match="JUnit"):
        evidence.read_junit(bomb)


def test_secrets_and_numbers_leave_no_trace_of_their_value() -> None:
    secret, number = "x8Jq2LmT5vRz9WcY4bNd", "184016748200124"
    key = f"{sensitive.nir_key(number[:13]):02d}"
    content = f"token = glpat-{secret}\nnir: {number[:13]}{key}\n".encode()
    marks = [*sensitive.secrets(content), *sensitive.personal(content)]
    assert [m.line for m in marks] == [1, 2]
    kept = repr(marks)
    assert secret not in kept
    assert number[:13] not in kept


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("\\A\\B", "A\\B"),
        ("B", "N\\B"),
        ("namespace\\B", "N\\B"),
        ("Alias\\B", "Some\\Thing\\B"),
        ("ALIAS", "Some\\Thing"),
    ],
)
def test_names_are_resolved_as_php_does(name: str, first: str) -> None:
    source = f"<?php\nnamespace N;\nuse Some\\Thing as Alias;\nclass C extends {name} {{}}\n".encode()
    assert php.facts(source).declarations[0].parents == (first,)


def test_strings_comments_and_heredocs_do_not_hold_sql_statements_apart() -> None:
    source = (
        b"CREATE TABLE a (x text DEFAULT 'a;b'); -- ; DROP TABLE a;\n/* ; */ ALTER TABLE a ENABLE ROW LEVEL SECURITY;"
    )
    assert [(s.kind, s.line) for s in sql_data.facts(source)] == [("create_table", 1), ("enable_rls", 2)]


def test_a_statement_inside_a_do_block_is_told_dynamic_and_not_guessed() -> None:
    source = b"DO $$ BEGIN EXECUTE 'ALTER TABLE a ENABLE ROW LEVEL SECURITY'; END $$;"
    assert [s.kind for s in sql_data.facts(source)] == ["dynamic"]


def test_twig_comments_and_escaped_output_are_left_alone() -> None:
    assert flat_data.twig(b"{# {{ a|raw }} #}{{ a }}{{ 'x'|trans|raw }}{{ a|escape }}") == ()


def test_syntax_verdicts_survive_json() -> None:
    known = SyntaxFacts("8.2.30", {"a": Syntax(ok=False, line=3, error="é")})
    assert msgspec.json.decode(msgspec.json.encode(known), type=SyntaxFacts) == known
