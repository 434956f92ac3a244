"""Every parser under mutated input: it ends soon, refuses as it says, and what it found can be sent and kept.

A few hundred inputs in the tests, always the same; for as long as wanted by hand:
``python tests/unit/psram/test_fuzz.py NAME SECONDS`` prints the input that breaks a reader.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Iterator
from typing import Final

import pytest
from fuzz_targets import BY_ROLE, JSON, PHP, TARGETS, YAML

from psram.collect import composer, php, yaml_data
from psram.roles import Role

MAX_S: Final = 2.0
"""Seconds for one input of some hundred bytes, on a busy machine."""

_PIECES: Final = (
    *(b"\0", b"\xff", b"\xc3\xa9", b"\n", b"\r\n", b"'", b'"', b"{", b"}", b"(", b")", b"[", b"]", b"<<<X\n"),
    *(b"/*", b"*/", b"$$", b"&a *a ", b"\\", b"\\ud800", b"?->", b"#[", b"?>", b"1e999"),
    *(b"9" * 40, b" " * 40, b"!!int ''", b"!!bool x", b"[" * 600, b"- " * 200),
)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """The seed after a few cuts, doublings, moves and insertions."""
    content = seed
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice((1, 2, 5, 20, 100)))
        match chance.randrange(5):
            case 0:
                content = content[:start] + content[end:]
            case 1:
                content = content[:end] + content[start:end] * chance.randint(1, 30) + content[end:]
            case 2:
                content = content[:start] + chance.choice(_PIECES) + content[start:]
            case 3:
                content = content[:start] + bytes([chance.randrange(256)]) + content[start + 1 :]
            case _:
                place = chance.randrange(len(content) + 1)
                content = content[:place] + content[start:end] + content[place:]
    return content


def inputs(seed: bytes, number: int) -> Iterator[bytes]:
    """Inputs without end, the same ones for the same number."""
    chance = random.Random(number)
    yield seed
    while True:
        yield mutated(seed, chance)


def tried(name: str, content: bytes) -> None:
    """Gives one input to a target."""
    begin = time.process_time()
    TARGETS[name][0](content)
    assert time.process_time() - begin < MAX_S, f"{name}: {len(content)} bytes took too long"


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_ends_on_any_mutation_of_what_it_reads(name: str) -> None:
    for content in itertools.islice(inputs(TARGETS[name][1], 2026), 150):
        tried(name, content)


def test_the_seeds_are_read_whole() -> None:
    assert not php.facts(PHP).has_error
    assert not yaml_data.facts(YAML).problem
    assert not composer.facts(JSON, JSON).manifest_problem


def test_every_role_has_a_seed_of_its_own() -> None:
    assert set(BY_ROLE) == set(Role)


def main(name: str, seconds: str) -> None:
    """Tries inputs for so long; prints the one that breaks the target."""
    begin = time.monotonic()
    for count, content in enumerate(inputs(TARGETS[name][1], int(begin))):
        try:
            tried(name, content)
        except BaseException:
            sys.stderr.write(f"{content!r}\n")
            raise
        if time.monotonic() - begin > float(seconds):
            sys.stdout.write(f"{name}: {count + 1} inputs\n")
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
