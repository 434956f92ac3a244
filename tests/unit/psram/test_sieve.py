"""The sieve tells contents apart; what it rules out, no reader would have found."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Node
from written_php import statements

from psram.collect import assigned, contents, php, php_indirect, sensitive
from psram.collect.php_tree import PhpFile
from psram.collect.sieve import Sieve, words
from psram.facts import BlobFacts
from psram.roles import Role

ROLES = frozenset({Role.TEXT, Role.PHP, Role.WEB, Role.SAMPLE})


def ruling_nothing_out(content: bytes) -> BlobFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sieve, "held", lambda sieve, _content: frozenset(sieve._patterns))
        return contents.extract(content, ROLES)


@settings(max_examples=300, deadline=None)
@given(statements().map("<?php\n{}".format))
def test_what_the_sieve_rules_out_no_reader_would_have_found(source: str) -> None:
    content = source.encode()
    assert contents.extract(content, ROLES) == ruling_nothing_out(content)


@given(st.binary(max_size=400))
def test_any_bytes_give_the_same_with_and_without_the_sieve(content: bytes) -> None:
    assert contents.extract(content, ROLES) == ruling_nothing_out(content)


def test_a_content_holds_the_patterns_that_are_in_it_whatever_their_case() -> None:
    sieve = Sieve((one := words(b"<script", b"api-key"), other := rb"[0-9]{3}", third := b"x(?:y|z)"))
    assert sieve.held(b"an API-KEY") & {one, other, third} == {one}
    assert sieve.held(b"\xff\x00<Script 123 xz") & {one, other, third} == {one, other, third}
    assert not sieve.held(b"") & {one, other, third}


def test_when_re2_gives_up_nothing_is_ruled_out() -> None:
    sieve = Sieve((b"a", b"b"))
    sieve._set = SimpleNamespace(Match=lambda _content: None)
    assert sieve.held(b"c") >= {b"a", b"b"}


@pytest.mark.parametrize(
    "callee",
    [
        *("$f", "$$g", "${'f'}", "$f[0]", "($f)", "f()", "'exec'", '"exec"', "['exec'][0]", "array('exec')", "$a->b()"),
        *("$a?->b()", "A::b()", "A::$b[0]", "new A()", "<<<X\nexec\nX", "<<<'X'\nexec\nX"),
    ],
)
def test_a_call_is_looked_at_whatever_stands_for_its_function(callee: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def judge(_file: PhpFile, node: Node, *_rest: object) -> None:
        judged.append(node.type)

    monkeypatch.setattr(php_indirect, "_judge", judge)
    php.facts(f"<?php $f = $_GET['f']; {callee}(1);".encode())
    assert "function_call_expression" in judged


@pytest.mark.parametrize("word", assigned._WORDS, ids=bytes.decode)
def test_each_word_before_a_secret_is_sifted(word: bytes) -> None:
    """A word without its pattern would never be looked for."""
    for written in (b"$my-%s_1\v=>\v'%s'", b"<x:%s>\v%s </x>", b"%s '%s'", b"ENV A_%s %s", b"%s('%s')"):
        content = written % (word.upper(), b"a8F3kLq92MzXv7TbR4nYw1")
        assert assigned.NAMED in sensitive.SIEVE.held(content), content
