"""Messages between the caller and its reading processes, and what is kept of histories between runs."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psram.roles import Role
from psram.worker import past
from psram.worker.messages import Done, Found, Frames, Item, Job, bits, frame, roles_of
from psram.worker.store import FactCache

JOBS = st.lists(st.builds(lambda n, b: Job(n, (Item(b),)), st.integers(0, 2**31), st.text(max_size=60)), max_size=8)


@given(JOBS, st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_messages_arrive_whole_however_they_are_cut(jobs: list[Job], cuts: list[int]) -> None:
    stream = b"".join(map(frame, jobs))
    frames, found, turn = Frames(), [], 0
    while stream:
        size = cuts[turn % len(cuts)]
        found += frames.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert [msgspec.msgpack.decode(each, type=Job) for each in found] == jobs


@given(st.binary(max_size=200))
def test_nonsense_is_refused_or_waited_for_and_never_believed(said: bytes) -> None:
    try:
        for each in Frames().feed(said):
            msgspec.msgpack.decode(each, type=Done)
    except (ValueError, msgspec.DecodeError):
        return


def test_an_answer_longer_than_any_is_refused_before_it_is_received() -> None:
    with pytest.raises(ValueError, match="4294967295"):
        Frames().feed(b"\xff\xff\xff\xff")


@given(st.frozensets(st.sampled_from(list(Role))))
def test_roles_travel_as_a_number(roles: frozenset[Role]) -> None:
    assert roles_of(bits(roles)) == roles


def test_what_was_found_travels_whole() -> None:
    done = Done(3, (Found("a", b"\x91\xa4read"),), kib=12, cpu_s=0.5)
    assert msgspec.msgpack.decode(frame(done)[4:], type=Done) == done


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_a_history_learnt_step_by_step_is_the_one_asked_for_at_once(tmp_path: Path) -> None:
    folder, cache = tmp_path / "a", FactCache(tmp_path / "cache")
    git(tmp_path, "init", "-q", str(folder))
    for number in range(6):
        (folder / f"f{number % 3}").write_text(f"{number}\n", "ascii")
        if number == 3:  # a branch that is merged: the whole is asked for again
            git(folder, "checkout", "-q", "-b", "autre", "HEAD~1")
            (folder / "g").write_text("g\n", "ascii")
            git(folder, "add", "-A")
            git(folder, "commit", "-q", "-m", "autre")
            git(folder, "checkout", "-q", "-")
            git(folder, "merge", "-q", "--no-edit", "autre")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")
        commit = git(folder, "rev-parse", "HEAD")
        whole = past.walk(folder, commit, max_commits=100, timeout_s=30)
        for _ in range(2):
            assert past.walk(folder, commit, max_commits=100, timeout_s=30, cache=cache) == whole


def changed(folder: Path, chance: random.Random, turn: int) -> None:
    """Any few changes: contents new, of before or twice, moves, kinds of entries, names that git shows in part."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and ".git" not in file.parts]
    for _ in range(chance.randint(0, 4)):
        place = folder / chance.choice(["a", "b", "d/a", "d/e/c", "d/e/f/g", "a\nb", "d/\nc", "é", "d/e/\udcff"])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        match chance.randrange(6):
            case 0:
                place.symlink_to(chance.choice(["a", "b/c"]))
            case 1 if (old := chance.choice(files or [folder / "a"])).exists():
                old.replace(place)
            case 2 | 3:
                place.write_text(f"{turn // 3} {chance.randrange(3)}\n", "ascii")
            case 4:
                place.write_text("#!/bin/sh\n", "ascii")
                place.chmod(0o755)
            case _:
                git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sous-module")


@pytest.mark.parametrize("number", range(2))
def test_whatever_commits_change_their_history_is_learnt_as_it_is_asked_for(tmp_path: Path, number: int) -> None:
    chance, folder, cache = random.Random(number), tmp_path / "a", FactCache(tmp_path / "cache")
    git(tmp_path, "init", "-q", str(folder))
    for turn in range(14):
        for _ in range(chance.randint(1, 3)):
            changed(folder, chance, turn)
            git(folder, "add", "-A")
            git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")
        commit = git(folder, "rev-parse", "HEAD")
        whole = past.walk(folder, commit, max_commits=100, timeout_s=30)
        assert past.walk(folder, commit, max_commits=100, timeout_s=30, cache=cache) == whole
