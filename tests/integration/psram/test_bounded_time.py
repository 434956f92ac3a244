"""Big contents made to cost much are read in bounded processor time: more than needed, far less than a hang takes."""

from __future__ import annotations

import time

import pytest

from psram.collect import flat_data, personal_data, php, sensitive, sql_data, sql_queries, web_data
from psram.collect.sql_tokens import MAX_TOKENS
from psram.facts import SqlStatement

HOSTILE_SQL = {
    "open comments": "/*" * 20_000,
    "quotes": "'" * 40_001,
    "dollars": "$a$" * 15_000,
    "escapes": "e'" + "\\" * 40_000,
    "parentheses": "(" * 50_000,
    "marks": "$" * 50_000,
    "commas": "a," * 25_000,
    "a deep condition": "create policy p on t using (" + "(" * 20_000,
    "many tables": "from a," * 7_000,
    "a long list": "drop table " + "a," * 20_000,
}


@pytest.mark.parametrize("hostile", HOSTILE_SQL.values(), ids=HOSTILE_SQL.keys())
def test_hostile_sql_takes_bounded_time(hostile: str) -> None:
    started = time.process_time()
    sql_data.facts(hostile.encode())
    sql_queries.reads(hostile[:2000])
    assert time.process_time() - started < 2


def test_a_flood_of_statements_is_told_and_not_dropped() -> None:
    many = b"DROP TABLE a;" * 6000
    assert sql_data.facts(many)[-1] == SqlStatement(1, "too_long")
    long = "SELECT 1" + ",1" * (MAX_TOKENS // 2 + 10)
    assert sql_data.facts(long.encode())[-1].kind == "too_long"


@pytest.mark.parametrize(
    "unit",
    [
        "<script ",
        "<link rel=a href='//",
        "{#",
        "<!--",
        "/*",
        "url(",
        "import {",
        "script-src ",
        "//a.test/",
        "<script importmap>",
        "fetch('",
    ],
)
def test_a_megabyte_of_one_thing_is_read_in_bounded_time(unit: str) -> None:
    content = (unit * (1024 * 1024 // len(unit))).encode()
    start = time.process_time()
    web_data.facts(content)
    flat_data.twig(content)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "line",
    [
        "$a == $token && ",
        "md5($password . ",
        "verify_peer => false, ",
        "'_amcloud_public' . ",
        "$this->x['a'] . ",
        "AuthenticationListener::class, ",
        "@f() . ",
        "new Process($a) . ",
    ],
)
def test_a_megabyte_of_php_of_one_thing_is_read_in_bounded_time(line: str) -> None:
    content = b"<?php\n$z = " + (line * (200_000 // len(line))).encode() + b"1;\n"
    start = time.process_time()
    php.facts(content)
    assert time.process_time() - start < 10


def test_many_things_deep_in_a_tree_are_read_in_bounded_time() -> None:
    many = ",new C,A::b(),$c->query(),@1,`a`" * 488
    content = f"<?php $a=[1{many}]{'.$b' * 58_000};".encode()
    start = time.process_time()
    php.facts(content)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "unit", ["password='", "://a:b", "-----BEGIN PRIVATE KEY-----\n", "1 84 05 67 482 001 ", "eyJ", "a@"]
)
def test_a_megabyte_of_almost_secrets_is_read_in_bounded_time(unit: str) -> None:
    content = (unit * (1024 * 1024 // len(unit))).encode()
    start = time.process_time()
    sensitive.secrets(content)
    personal_data.personal(content)
    personal_data.emails(content)
    assert time.process_time() - start < 8
