"""What a commit lists: as git does, whatever the cache knows of the sizes, and whatever lacks."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram import worker
from psram.collect import listing
from psram.collect.listing import shown
from psram.facts import FileFact, Skip
from psram.model import Context, Limits, Stage, Track
from psram.worker import git as git_worker
from psram.worker import sizes
from psram.worker.protocol import Ask, Request
from psram.worker.store import FactCache

LIMITS = Limits()


def git(folder: Path, *arguments: str) -> bytes:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, check=True).stdout


def commit(folder: Path) -> None:
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with names and kinds of entries that are not like the others."""
    made = tmp_path / "depot"
    git(tmp_path, "init", "-q", str(made))
    for number in range(300):
        file = made / f"src/d{number % 7}/F{number}.php"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<?php\n" + "x" * number)
    for name in (b"a.b", b"a-b", b"a\nb", b"\xff\xe2\x82", b"tab\there", "é".encode()):
        (made / os.fsdecode(name)).write_bytes(name * 3)
    (made / "bin").mkdir()
    (made / "bin/run").write_text("#!/bin/sh\n")
    (made / "bin/run").chmod(0o755)
    (made / "lien").symlink_to("src/d0")
    commit(made)
    git(made, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sous-module")
    git(made, "commit", "-q", "-m", "sous-module")
    return made


def as_git_says(folder: Path) -> list[tuple[str, str, int]]:
    """Path, id and size of each entry, as ``ls-tree -l`` tells them."""
    lines = git(folder, "ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD").split(b"\0")[:-1]
    entries = [line.partition(b"\t") for line in lines]
    told = [(head.split(), shown(path)) for head, _tab, path in entries]
    return [(path, blob.decode(), 0 if size == b"-" else int(size)) for (_m, _k, blob, size), path in told]


def told(files: list[FileFact]) -> list[tuple[str, str, int]]:
    return [(file.path, file.blob, file.size) for file in files]


def test_a_listing_is_gits_with_or_without_a_cache_and_after_any_change(folder: Path, tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "cache")
    chance = random.Random(7)
    for _ in range(6):
        expected = as_git_says(folder)
        assert told(listing.of_commit(folder, "HEAD", LIMITS).files) == expected
        assert told(listing.of_commit(folder, "HEAD", LIMITS, cache).files) == expected
        assert told(listing.of_commit(folder, "HEAD", LIMITS, FactCache(tmp_path / "cache")).files) == expected
        files = sorted((folder / "src").rglob("*.php"))
        chance.choice(files).unlink()
        chance.choice(files).write_text("<?php\n" * chance.randrange(50))
        (folder / f"src/new{chance.randrange(1000)}.php").write_text("n")
        git(folder, "add", "-A", "-f", "src")
        git(folder, "commit", "-q", "-m", "suite")


@given(st.lists(st.binary(min_size=1, max_size=8).filter(lambda name: b"\0" not in name), max_size=6))
def test_names_are_shown_alike_together_and_one_by_one(names: list[bytes]) -> None:
    joined = b"".join(name + b"\0" for name in names)

    assert shown(joined).split("\0")[:-1] == [shown(name) for name in names]


def test_only_sizes_that_are_not_known_are_asked_of_git(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FactCache(tmp_path / "cache")
    asked: list[int] = []
    ask = git_worker.ask

    def counting(*arguments: object, stdin: bytes = b"", **options: object) -> bytes:
        asked.append(stdin.count(b"\n"))
        return ask(*arguments, stdin=stdin, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(git_worker, "ask", counting)
    listing.of_commit(folder, "HEAD", LIMITS, cache)
    assert sum(asked) > 300
    asked.clear()
    listing.of_commit(folder, "HEAD", LIMITS, cache)
    assert asked == []
    (folder / "src/new.php").write_text("<?php\n// new\n")
    git(folder, "add", "-A", "-f", "src")
    git(folder, "commit", "-q", "-m", "suite")
    listing.of_commit(folder, "HEAD", LIMITS, cache)
    assert 0 < sum(asked) <= 128


class Damaged(FactCache):
    """A cache in memory that gives back each value as ``damage`` makes it, of the value and of another one."""

    def __init__(self, damage: Callable[[bytes, bytes], bytes]) -> None:
        super().__init__(Path("/nowhere"))
        self._damage = damage
        self._values: dict[bytes, bytes] = {}

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        others = [*self._values.values()][::-1]
        pairs = zip(self._values.items(), others, strict=True)
        return {key: self._damage(value, other) for (key, value), other in pairs if value != other}

    def put(self, values: Mapping[bytes, bytes]) -> None:
        self._values.update(values)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda value, _other: value[:-1], id="cut"),
        pytest.param(lambda value, _: msgspec.msgpack.encode(msgspec.msgpack.decode(value)[:-1]), id="shorter"),
        pytest.param(lambda value, _other: value + b"\1", id="longer"),
        pytest.param(
            lambda value, _other: msgspec.msgpack.encode([-1 - size for size in msgspec.msgpack.decode(value)]),
            id="negative",
        ),
        pytest.param(lambda _value, _other: b"", id="emptied"),
    ],
)
def test_a_damaged_entry_of_sizes_is_asked_again(folder: Path, damage: Callable[[bytes, bytes], bytes]) -> None:
    cache = Damaged(damage)
    ids = [blob for _path, blob, _size in as_git_says(folder) if blob != "1" * 40]
    right = sizes.of(folder, ids, timeout_s=10, cache=None)
    assert sizes.of(folder, ids, timeout_s=10, cache=cache) == right
    assert sizes.of(folder, ids, timeout_s=10, cache=cache) == right


@pytest.mark.parametrize("again", [False, True])
def test_a_content_that_the_repository_lacks_is_told_and_stops_nothing(
    folder: Path, tmp_path: Path, *, again: bool
) -> None:
    lost = git(folder, "rev-parse", "HEAD:src/d3/F3.php").decode().strip()
    (folder / ".git/objects" / lost[:2] / lost[2:]).unlink()
    cache = FactCache(tmp_path / "cache") if again else None
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
    for _ in range(2):
        given = worker.run(Request(Ask.COMMIT, str(folder), context=context), cache=cache)
        assert given.facts is not None, given
        assert [(f.path, f.size) for f in given.facts.files if f.skipped is Skip.UNREADABLE] == [("src/d3/F3.php", 0)]
        assert given.report is not None
        [result] = (r for r in given.report.results if r.rule_id == "GOV-007")
        assert [f.message for f in result.findings if f.path == "src/d3/F3.php"] == ["contenu absent du dépôt"]
