"""The cache of facts: bounded, private, shared; whatever happens to its file, the worst is to read again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.worker import store
from psram.worker.store import FactCache, default_folder


def file_of(folder: Path) -> Path:
    return next(folder.glob("*.sqlite"))


def test_what_is_kept_is_found_again_by_another_process_and_nothing_else(tmp_path: Path) -> None:
    FactCache(tmp_path).put({b"a": b"1", b"b": b"2"})
    assert FactCache(tmp_path).get([b"a", b"b", b"c"]) == {b"a": b"1", b"b": b"2"}


def test_thousands_of_keys_are_asked_at_once(tmp_path: Path) -> None:
    cache = FactCache(tmp_path)
    values = {b"%d" % i: b"v%d" % i for i in range(3000)}
    cache.put(values)
    assert cache.get([*values, b"none"]) == values


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    FactCache(folder).put({b"a": b"1"})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {0o600}


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "cache").mkdir()
    FactCache(tmp_path / "first").put({b"a": b"1"})
    (tmp_path / "cache" / file_of(tmp_path / "first").name).symlink_to(target)
    cache = FactCache(tmp_path / "cache")
    cache.put({b"a": b"1"})
    assert cache.get([b"a"]) == {}
    assert not target.exists()


def broken(file: Path, how: str) -> None:
    match how:
        case "text":
            file.write_bytes(b"no database " * 500)
        case "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "empty":
            file.write_bytes(b"")
        case "page":
            content = bytearray(file.read_bytes())
            content[4096:] = os.urandom(len(content) - 4096)
            file.write_bytes(content)
        case _:
            base = sqlite3.connect(file)
            base.executescript("DROP TABLE facts; CREATE TABLE facts (other TEXT);")
            base.close()


@pytest.mark.parametrize("how", ["text", "cut", "empty", "page", "another schema"])
def test_a_broken_file_is_begun_again(tmp_path: Path, how: str) -> None:
    first = FactCache(tmp_path)
    first.put({b"%d" % i: b"x" * 200 for i in range(500)})
    first.close()
    broken(file_of(tmp_path), how)
    cache = FactCache(tmp_path)
    assert set(cache.get([b"1", b"2"])) <= {b"1", b"2"}
    cache.put({b"new": b"1"})
    cache.put({b"new": b"1"})
    assert FactCache(tmp_path).get([b"new"]) == {b"new": b"1"}


@given(st.dictionaries(st.binary(min_size=1, max_size=8), st.binary(max_size=40), min_size=2, max_size=6), st.data())
def test_a_value_that_was_changed_or_lies_under_another_key_is_not_known(
    tmp_path_factory: pytest.TempPathFactory, values: dict[bytes, bytes], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    FactCache(folder).put(values)
    key, other = data.draw(st.permutations(sorted(values)))[:2]
    with contextlib.closing(sqlite3.connect(file_of(folder))) as base, base:
        kept = dict(base.execute("SELECT key, value FROM facts"))
        place = data.draw(st.integers(0, len(kept[key]) - 1))
        flipped = kept[key][:place] + bytes([kept[key][place] ^ 1]) + kept[key][place + 1 :]
        wrong = data.draw(st.sampled_from([flipped, kept[key][:place], kept[key] + b"x", kept[other], b""]))
        base.execute("UPDATE facts SET value = ? WHERE key = ?", (wrong, key))
    assert FactCache(folder).get([*values]) == {each: value for each, value in values.items() if each != key}


def test_a_folder_that_cannot_be_made_is_as_good_as_an_empty_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "ascii")
    cache = FactCache(tmp_path / "file" / "cache")
    cache.put({b"a": b"1"})
    assert cache.get([b"a"]) == {}


def test_it_stays_within_its_bounds_and_what_was_used_last_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = [1]
    monkeypatch.setattr(store.time, "time", lambda: day[0] * 86400.0)
    cache = FactCache(tmp_path, max_bytes=400_000)
    cache.put({b"old": b"o", b"kept": b"k"})
    for number in range(40):
        day[0] += 1
        assert cache.get([b"kept"]) == {b"kept": b"k"}
        cache.put({b"%d-%d" % (number, i): b"x" * 1000 for i in range(50)})
    assert cache.get([b"old", b"kept"]) == {b"kept": b"k"}
    cache.close()
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) < 2 * 400_000


def test_processes_and_threads_share_it(tmp_path: Path) -> None:
    writer = (
        "import sys; from pathlib import Path; from psram.worker.store import FactCache\n"
        "cache = FactCache(Path(sys.argv[1]))\n"
        "for i in range(30): cache.put({b'%d-%d' % (int(sys.argv[2]), i): b'x' * 100}); cache.get([b'0-0'])\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", writer, str(tmp_path), str(n)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        for n in range(3)
    ]
    mine = FactCache(tmp_path)
    threads = [threading.Thread(target=mine.put, args=({b"t%d" % n: b"1"},)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in started] == [0, 0, 0]
    keys = [b"%d-%d" % (n, i) for n in range(3) for i in range(30)] + [b"t%d" % n for n in range(5)]
    assert len(FactCache(tmp_path).get(keys)) == len(keys)


def test_its_folder_follows_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert default_folder() == Path("/some/where/amcloud")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG specification: ignored
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_folder() == Path("/home/somebody/.cache/amcloud")
