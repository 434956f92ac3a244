"""PHP that PHP accepts and the grammar does not is read all the same, line for line; what is broken stays unread."""

from __future__ import annotations

import pytest

from psram.collect import php
from psram.collect.php_mended import mended

ACCEPTED = {
    "exit with a number": "exit -1;",
    "exit with a variable": "if ($wrong) exit $status ;",
    "a property named class, in a text": '$name = "$item->class of $item?->class";',
    "a function named readonly": "function readonly($value) { return $value; }",
    "its call": "echo readonly (true);",
}


@pytest.mark.parametrize("code", ACCEPTED.values(), ids=ACCEPTED)
def test_what_php_accepts_is_read_and_so_is_what_follows(code: str) -> None:
    found = php.facts(f"<?php\n\n{code}\neval($text);\n".encode())
    assert not found.has_error
    assert [(mark.line, mark.name) for mark in found.marks if mark.name == "eval"] == [(4, "eval")]


def test_an_exit_so_written_is_still_an_exit() -> None:
    found = php.facts(b"<?php\n\nexit -1;\n")
    assert [(mark.line, mark.kind) for mark in found.marks if mark.kind == "exit"] == [(3, "exit")]


@pytest.mark.parametrize("code", ["exit exit;", "if (", "$a->class = [;", "readonly ("])
def test_what_is_broken_is_said_to_be(code: str) -> None:
    found = php.facts(f"<?php\n\n{code}\n".encode())
    assert found.has_error
    assert found.error_line >= 1


@pytest.mark.parametrize(
    "code",
    [
        "class A { public readonly int $x; }",
        "$x->readonly (1); A::readonly (1);",
        "exit(1); $exit = 1; $x->exit -1;",
        "echo $x::class, A::class;",
        "die($why);",
    ],
)
def test_other_code_keeps_its_text(code: str) -> None:
    assert mended(code.encode()) == code.encode()
