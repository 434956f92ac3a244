"""Reading a repository: the same bytes however it is done, the cost of what changed, nothing of the caller's given."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

import msgspec
import pytest

from psram import worker
from psram.collect import collect
from psram.facts import Facts, Skip
from psram.model import Context, Limits, Php, Stage, Track
from psram.reports import canonical_json
from psram.worker import extractor, pool
from psram.worker import php as php_worker
from psram.worker.nursery import environment
from psram.worker.protocol import Answer, Ask, Progress, Request
from psram.worker.store import FactCache

CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
PHP = Php("php", "8.2") if php_worker.version(Php("php", "8.2")) else None
SAMPLE = Path(__file__).parents[3] / "sandbox" / "apps" / "suivi-courriers"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder: Path) -> None:
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", "exemple")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample application and what makes reading uneven: a broken file, a killer, a binary, a link, odd bytes."""
    made = tmp_path / "depot"
    subprocess.run(["cp", "-r", str(SAMPLE), str(made)], check=True)
    files = {
        "src/Casse.php": b"<?php\nclass {\n",
        "src/Faim.php": b"<?php\n" + b"$b = $c + $d * $e;\n" * 45_000,
        "src/Chaine.php": b"<?php\n$c->where('a' . $x)->andWhere('b' . $y)->orWhere('c' . $z)->join('t', 'd' . $w);\n",
        "data/image.bin2": b"\0\1\2",
        "lien": b"",
        "tests/jeu.yaml": b"a: [1, 2\n",
    }
    for path, content in files.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    (made / "lien").unlink()
    (made / "lien").symlink_to("src")
    for number in range(250):  # enough for several jobs
        (made / f"src/N{number}.php").write_bytes(b"<?php\n\nnamespace App;\n\nclass N%d\n{\n}\n" % number)
    git(tmp_path, "init", "-q", str(made))
    commit(made)
    return made


LIMITS = Limits(memory_bytes=160 * 1024 * 1024)


def answer(folder: Path, *, processes: int | None = None, cache: FactCache | None = None) -> Answer:
    request = Request(Ask.COMMIT, str(folder), context=CONTEXT, php=PHP, limits=LIMITS)
    given = worker.run(request, processes=processes, cache=cache)
    assert given.facts is not None, given
    assert given.report is not None
    return given


def encoded(given: Answer) -> tuple[bytes, bytes]:
    assert given.report is not None
    return msgspec.json.encode(given.facts), canonical_json(given.report)


def test_one_process_two_twice_and_with_or_without_a_cache_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "cache")
    first = encoded(answer(folder, processes=1))
    assert encoded(answer(folder, processes=2)) == first
    assert encoded(answer(folder, processes=2)) == first
    assert encoded(answer(folder, processes=1, cache=cache)) == first
    assert encoded(answer(folder, cache=cache)) == first
    assert encoded(answer(folder, cache=FactCache(tmp_path / "cache"))) == first


def test_the_order_of_files_and_their_neighbours_change_nothing_in_their_facts(folder: Path) -> None:
    before = answer(folder).facts
    assert before is not None
    for number in range(0, 250, 3):
        (folder / f"src/N{number}.php").rename(folder / f"src/{250 - number:03}N.php")
    commit(folder)
    after = answer(folder, processes=2).facts
    assert after is not None
    assert after.blobs == before.blobs
    assert after.syntax == before.syntax


def test_a_killer_and_a_broken_file_are_told_and_nothing_else_is_lost(folder: Path) -> None:
    facts = answer(folder).facts
    assert facts is not None
    skipped = {file.path: file.skipped for file in facts.files if file.skipped}
    assert skipped == {"src/Faim.php": Skip.HOSTILE, "data/image.bin2": Skip.BINARY}


def read(folder: Path, cache: FactCache) -> int:
    """How many contents a check read."""
    told: list[Progress] = []
    request = Request(Ask.COMMIT, str(folder), context=CONTEXT, php=PHP, limits=LIMITS)
    worker.run(request, cache=cache, progress=told.append)
    return max((step.total for step in told if step.doing == "reading"), default=0)


def test_a_push_costs_what_it_changed(folder: Path, tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "cache")
    (folder / "src/Faim.php").unlink()  # what kills is tried again each time, in case the machine was at fault
    git(folder, "commit", "-q", "-a", "--amend", "-m", "sans")
    git(folder, "reflog", "expire", "--expire=now", "--all")
    assert read(folder, cache) > 250
    assert read(folder, cache) == 0
    (folder / "src/N7.php").write_bytes(b"<?php\n\nnamespace App;\n\nclass N7\n{\n    public $a;\n}\n")
    (folder / "src/N8.php").rename(folder / "src/N8bis.php")
    commit(folder)
    assert read(folder, cache) == 2  # the new content, and what the old one may leak from history
    assert read(folder, cache) == 0


def test_files_that_are_not_committed_are_kept_too(folder: Path, tmp_path: Path) -> None:
    (folder / "src/Faim.php").unlink()
    (folder / "src/Neuf.php").write_bytes(b"<?php\n\nnamespace App;\n\nclass Neuf\n{\n}\n")
    told: list[Progress] = []
    request = Request(Ask.WORKTREE, str(folder), context=CONTEXT, php=PHP)
    for _ in range(2):
        told.clear()
        facts = worker.run(request, cache=FactCache(tmp_path / "cache"), progress=told.append).facts
        assert facts is not None
        assert facts.uncommitted == ("src/Faim.php", "src/Neuf.php")
    assert not [step for step in told if step.doing == "reading"]


def test_what_is_wrong_in_the_cache_is_read_again(folder: Path, tmp_path: Path) -> None:
    first = encoded(answer(folder, cache=FactCache(tmp_path / "cache")))
    base = sqlite3.connect(next((tmp_path / "cache").glob("*.sqlite")))
    with base:
        base.execute("UPDATE facts SET value = substr(value, 2)")
    base.close()
    assert encoded(answer(folder, cache=FactCache(tmp_path / "cache"))) == first


def test_the_key_follows_the_code_its_parsers_and_php() -> None:
    named = {path.name for path in extractor.code()}
    assert {"contents.py", "php.py", "php_values.py", "sensitive.py", "facts.py", "roles.py", "yaml_data.py"} <= named
    ask = (
        "import sys, psram.collect.contents, psram.collect.composer\n"
        "from psram.roles import Role\n"
        "psram.collect.contents.extract(b'', frozenset(Role))\n"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items() if n.startswith('psram.') and m.__file__))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True, text=True, env=env)
    doors = {path for path in map(Path, loaded.stdout.split()) if path.name == "__init__.py"}
    assert set(map(Path, loaded.stdout.split())) - doors <= set(extractor.code())
    assert extractor.php_digest("8.2.1") != extractor.php_digest("8.2.2")


def test_a_reading_process_has_nothing_of_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMCLOUD_FORGE_TOKEN", "exemple")
    assert "exemple" not in environment().values()


def test_nothing_is_left_behind(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    answer(folder, processes=2)
    assert list(place.iterdir()) == []


def test_in_this_process_or_in_others_the_facts_are_the_same(tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(SAMPLE), str(tmp_path / "a")], check=True)
    git(tmp_path, "init", "-q", str(tmp_path / "a"))
    commit(tmp_path / "a")
    here = collect(tmp_path / "a", "HEAD", php=PHP)
    there = answer(tmp_path / "a").facts
    assert isinstance(there, Facts)
    assert msgspec.structs.replace(there, history=None) == msgspec.structs.replace(here, history=None)


def test_a_repository_whose_only_branch_was_force_pushed_is_read_at_any_commit_it_still_has(tmp_path: Path) -> None:
    work, bare = tmp_path / "a", tmp_path / "b.git"
    git(tmp_path, "init", "-q", str(work))
    git(tmp_path, "init", "-q", "--bare", str(bare))
    shas = []
    for content in (b"<?php\neval('1');\n", b"<?php\n"):
        (work / "a.php").write_bytes(content)
        git(work, "checkout", "-q", "--orphan", f"b{len(shas)}")
        commit(work)
        git(work, "push", "-q", "--force", str(bare), "HEAD:refs/heads/principal")
        shas.append(git(work, "rev-parse", "HEAD"))
    git(bare, "symbolic-ref", "HEAD", "refs/heads/principal")
    for name, sha in (("HEAD", shas[1]), ("principal", shas[1]), (shas[0], shas[0])):
        found = worker.run(Request(Ask.COMMIT, str(bare), name, context=CONTEXT))
        assert found.facts is not None
        assert found.facts.commit == sha
    git(bare, "reflog", "expire", "--expire=now", "--all")
    git(bare, "gc", "-q", "--prune=now")
    gone = worker.run(Request(Ask.COMMIT, str(bare), shas[0], context=CONTEXT))
    assert "n'existe pas" in gone.usage


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"<?php\r\n\r\neval('1');\r\n", 3, id="CRLF"),
        pytest.param(b"<?php\n// \xe9\xff\xfe\neval('1');\n", 3, id="not UTF-8"),
        pytest.param(b"<?php\n$a = '" + b"x" * 1_000_000 + b"';\neval('1');\n", 3, id="a line of 1 MiB"),
        pytest.param(b"\xef\xbb\xbf<?php\neval('1');\n", 2, id="byte order mark"),
    ],
)
def test_odd_bytes_hide_nothing(tmp_path: Path, content: bytes, line: int) -> None:
    git(tmp_path, "init", "-q", str(tmp_path / "a"))
    (tmp_path / "a/a.php").write_bytes(content)
    commit(tmp_path / "a")
    report = answer(tmp_path / "a").report
    assert report is not None
    findings = next(r for r in report.results if r.rule_id == "PHP-006").findings
    assert [(f.path, f.line) for f in findings] == [("a.php", line)]


def test_big_contents_read_one_at_a_time_change_no_byte(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "src/Faim.php").unlink()
    for number in range(3):
        body = b"function f%d() { return exec($_GET['x']); }\n" * (3200 + 800 * number)
        (folder / f"src/Gros{number}.php").write_bytes(b"<?php\n" + body % ((number,) * body.count(b"%d")))
    commit(folder)
    first = encoded(answer(folder, processes=1))
    assert encoded(answer(folder, processes=2)) == first
    assert encoded(answer(folder, processes=2, cache=FactCache(tmp_path / "cache"))) == first
    assert encoded(answer(folder, cache=FactCache(tmp_path / "cache"))) == first
    monkeypatch.setattr(pool, "_HEAVY_BYTES", 1 << 30)  # as if no content were big
    assert encoded(answer(folder, processes=2)) == first


def test_whatever_changes_what_the_cache_knows_of_runs_gives_the_bytes_of_a_first_reading(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "src/Faim.php").unlink()
    cache = FactCache(tmp_path / "cache")
    chance = random.Random(3)
    for turn in range(5):
        files = sorted((folder / "src").glob("N*.php"))
        for file in chance.sample(files, 3):
            file.write_bytes(b"<?php\nclass X%d { var $a = %d; }\n" % (turn, chance.randrange(9)))
        chance.choice(files).unlink()
        chance.choice(sorted((folder / "src").glob("N*.php"))).rename(folder / f"src/Autre{turn}.txt")
        commit(folder)
        fresh = encoded(answer(folder, processes=1))
        assert encoded(answer(folder, cache=cache)) == fresh
        assert encoded(answer(folder, cache=FactCache(tmp_path / "cache"))) == fresh
