"""``amcloud check`` as a process (and how ``amcloud rehearse`` is interrupted): terminals, pipes, signals, rights,
networks and repositories that are not what one hopes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from field import AMCLOUD, LOOSE, commit, git, repository, run, surroundings

from psram import examples, packs

COLOURS = re.compile(r"\x1b\[[0-9;]*[mK]")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return surroundings(tmp_path / "home")


def on_a_terminal(
    environment: dict[str, str], *arguments: str, typed: bytes = b"", cwd: Path | None = None
) -> tuple[int, str]:
    """Exit status and all that a terminal of 24 lines of 80 columns was sent."""
    child, terminal = pty.fork()
    if child == 0:
        if cwd is not None:
            os.chdir(cwd)
        os.execve(AMCLOUD, ["amcloud", *arguments], {**environment, "COLUMNS": "80", "LINES": "24"})
    said = bytearray()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
            if typed and b"[o/N]" in said:
                os.write(terminal, typed)
                typed = b""
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), said.decode()


def test_a_terminal_gets_one_screen_of_eighty_columns_in_colours(tmp_path: Path, environment: dict[str, str]) -> None:
    app = repository(tmp_path / "app", {f"src/A{n}.php": f"{LOOSE}eval('{n}');\n" for n in range(30)})
    code, said = on_a_terminal(environment, "check", str(app))
    assert code == 1
    assert "\x1b[31;1mNON CONFORME" in said
    shown = COLOURS.sub("", said).replace("\r", "").split("\n")
    assert len(shown) <= 24
    assert max(len(line) for line in shown) <= 80
    _, plain = on_a_terminal({**environment, "NO_COLOR": "1"}, "check", str(app))
    assert "\x1b[31" not in plain


def test_a_long_check_says_what_it_does_on_a_terminal_and_only_there(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    work = "".join(f"function f{n}(int $a): int {{ return $a + {n}; }}\n" for n in range(60))  # more than a second
    app = repository(tmp_path / "app", {f"src/d{n % 100}/A{n}.php": f"{LOOSE}// {n}\n{work}" for n in range(1000)})
    code, said = on_a_terminal(environment, "check", "--no-cache", str(app))
    assert code == 1
    assert re.search(r"Lecture des sources \d+/\d+… \d+ s", said)
    assert said.rindex("\x1b[K") < said.index("NON CONFORME")
    quiet = run(environment, "check", "--no-cache", str(app))
    assert quiet.stderr == ""


def test_a_reader_who_leaves_is_no_error_and_keeps_the_verdict(tmp_path: Path, environment: dict[str, str]) -> None:
    app = repository(tmp_path / "app", {f"src/A{n}.php": f"{LOOSE}eval('{n}');\n" * 30 for n in range(60)})
    script = f'"{AMCLOUD}" check "{app}" --full | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines()[1] == "1"
    assert done.stderr == ""
    listed = subprocess.run(
        ["bash", "-c", f'"{AMCLOUD}" check --list-rules | true; echo "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (listed.stdout, listed.stderr) == ("0\n", "")


@pytest.mark.parametrize("command", ["check", "rehearse"])
def test_an_interrupted_command_ends_at_once_with_130_and_leaves_no_process(
    tmp_path: Path, environment: dict[str, str], command: str
) -> None:
    work = "".join(f"function f{n}(int $a): int {{ return $a + {n}; }}\n" for n in range(60))  # more than a second
    app = repository(tmp_path / "app", {f"src/d{n % 100}/A{n}.php": f"{LOOSE}// {n}\n{work}" for n in range(4000)})
    arguments = ["check", str(app)] if command == "check" else ["rehearse", packs.DEFAULT, "--repositories", str(app)]
    with subprocess.Popen(
        [AMCLOUD, *arguments, "--no-cache"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        readers = _reading(process.pid)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert time.monotonic() - begun < 10, "reading it all takes longer"
    assert "Interrompu." in error
    assert "Traceback" not in error
    assert readers
    until = time.monotonic() + 3
    while any(map(_runs, readers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in readers if _runs(pid)]


def _reading(pid: int) -> set[int]:
    """The processes that read contents for ``pid``, once there are some."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = _descendants(pid)
        if any(b"psram.worker" in _command(each) for each in found):
            return found
        time.sleep(0.05)
    return set()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _runs(pid: int) -> bool:
    """Whether a process of that number does anything; what only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):  # it may end while it is looked at
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                found |= {int(child), *_descendants(int(child))}
    return found


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []
        thread = threading.Thread(target=lambda: held.extend(_accepted(server)), daemon=True)
        thread.start()
        yield server.getsockname()[1]


def _accepted(server: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            yield server.accept()[0]
        except OSError:
            return


def test_an_address_that_hangs_ends_after_the_time_given(environment: dict[str, str], silent_server: int) -> None:
    begun = time.monotonic()
    done = run(environment, "check", f"http://127.0.0.1:{silent_server}/app.git", "--timeout", "2")
    assert time.monotonic() - begun < 8
    assert done.returncode == 2
    assert "pas de réponse en 2 s" in done.stderr


def test_a_commit_that_was_rewritten_away_is_said_so(tmp_path: Path, environment: dict[str, str]) -> None:
    origin = tmp_path / "origine.git"
    git(tmp_path, "init", "-q", "--bare", str(origin))
    work = repository(tmp_path / "app", {"src/A.php": LOOSE})
    git(work, "push", "-q", str(origin), "HEAD:main")
    gone = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "-q", "--orphan", "autre")
    kept = commit(work, {"src/B.php": LOOSE})
    git(work, "push", "-q", "--force", str(origin), "HEAD:main")
    git(origin, "reflog", "expire", "--expire=now", "--all")
    git(origin, "gc", "-q", "--prune=now")
    lost = run(environment, "check", f"file://{origin}", "--commit", gone)
    assert lost.returncode == 3
    assert "branche réécrite" in lost.stderr
    found = run(environment, "check", f"file://{origin}", "--format", "json")
    assert json.loads(found.stdout)["commit"] == kept
    assert run(environment, "check", str(origin), "--commit", gone).returncode == 3


def test_without_git_a_repository_is_not_taken_for_a_folder(tmp_path: Path, environment: dict[str, str]) -> None:
    app = repository(tmp_path / "app", {"src/A.php": LOOSE})
    bare = tmp_path / "nu.git"
    git(tmp_path, "clone", "-q", "--bare", str(app), str(bare))
    folder = tmp_path / "dossier"
    folder.mkdir()
    nowhere = {**environment, "PATH": str(tmp_path)}
    for arguments in ((str(app),), (str(app / "src"),), (str(bare),), ("HEAD",), (".", "--since", "HEAD")):
        said = run(nowhere, "check", *arguments, cwd=app)
        assert (said.returncode, "git n'est pas installé" in said.stderr) == (3, True), (arguments, said)
    address = run(nowhere, "check", f"file://{app}")
    assert (address.returncode, "git n'est pas installé" in address.stderr) == (2, True), address
    alone = run(nowhere, "check", str(folder))
    assert (alone.returncode, "Aucun fichier PHP" in alone.stdout) == (1, True), alone


def test_a_shallow_copy_confirms_no_history_and_says_how_to_complete_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    app = tmp_path / "app"
    done = run(environment, "new", "exemple", str(app), "--organisation", "671")
    assert done.returncode == 0, done.stderr
    git(app, "init", "-q")
    commit(app, {"src/Cle.php": f"<?php\n$apiKey = '{examples.composed('a8F3kLq92@@MzXv7TbR4nYw1')}';\n"})
    (app / "src/Cle.php").unlink()
    commit(app, {})
    whole = run(environment, "check", str(app))
    assert (whole.returncode, "✘ SEC-001" in whole.stdout) == (1, True), whole.stdout
    copy = tmp_path / "copie"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{app}", str(copy))
    part = run(environment, "check", str(copy), "--full")
    assert part.returncode == 0, part.stdout
    assert "? SEC-001" in part.stdout
    assert "à confirmer" in part.stdout
    assert "« git fetch --unshallow » complète cette copie" in " ".join(part.stdout.split())
    address = run(environment, "check", f"file://{app}")
    assert "« git clone » puis « amcloud check DOSSIER » le lit" in " ".join(address.stdout.split())
    since = run(environment, "check", str(copy), "--since", "HEAD~1")
    assert (since.returncode, "« git fetch --unshallow » la complète" in since.stderr) == (3, True), since.stderr


def test_findings_are_told_new_known_or_gone_since_a_commit(tmp_path: Path, environment: dict[str, str]) -> None:
    code = "<?php\n\ndeclare(strict_types=1);\n\nnamespace App;\n\n"
    app = repository(tmp_path / "app", {"src/A.php": f"{code}eval('1');\n", "src/B.php": f"{code}eval('2');\n"})
    (app / "src/B.php").write_text(code, "utf-8")
    (app / "src/A.php").write_text(f"{code}// plus bas\n\neval('1');\n", "utf-8")
    (app / "src/C.php").write_text(f"{code}eval('3');\n", "utf-8")
    said = run(environment, "check", "--since", "HEAD", "--full", cwd=app).stdout
    assert re.search(r"déjà là +src/A\.php:9", said)
    assert re.search(r"nouveau +src/C\.php:7", said)
    assert "Depuis " in said
    states = json.loads(run(environment, "check", "--since", "HEAD", "--format", "sarif", cwd=app).stdout)
    found = {(r["ruleId"], r["baselineState"]) for r in states["runs"][0]["results"] if r["ruleId"] == "PHP-006"}
    assert found >= {("PHP-006", "new"), ("PHP-006", "unchanged"), ("PHP-006", "absent")}


def test_corrections_are_shown_asked_and_written(tmp_path: Path, environment: dict[str, str]) -> None:
    app = repository(tmp_path / "app", {"src/A.php": LOOSE})
    code, said = on_a_terminal(environment, "check", "--fix", cwd=app, typed=b"n\n")
    assert code == 1
    assert "+declare(strict_types=1);" in COLOURS.sub("", said)
    assert "Rien n'a été écrit." in said
    assert git(app, "status", "--porcelain") == ""
    on_a_terminal(environment, "check", "--fix", cwd=app, typed=b"o\n")
    assert git(app, "diff", "--stat").startswith("src/A.php")
    again = run(environment, "check", "--fix", "--yes", cwd=app)
    assert "Aucune correction mécanique" in again.stderr
    (app / "src/A.php").write_text(f"{LOOSE}// en cours\n", "utf-8")
    refused = run(environment, "check", "--fix", "--yes", cwd=app)
    assert refused.returncode == 1
    assert "modifications non validées" in refused.stderr
    assert (app / "src/A.php").read_text("utf-8") == f"{LOOSE}// en cours\n"
