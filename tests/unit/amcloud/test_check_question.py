"""What ``amcloud check`` is asked: every word is understood, or refused with a sentence that says what to type."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import pytest

from amcloud.cli import question
from psram.errors import UsageError
from psram.worker.protocol import Ask

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def commit(folder: Path) -> None:
    identity = ("-c", "user.name=Exemple", "-c", "user.email=exemple@amcloud.example")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "--allow-empty", "-m", "exemple")):
        subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True)


@pytest.mark.parametrize("address", ["https://forge.example/a.git", "http://forge.example/a", "file:///srv/a.git"])
def test_an_address_is_read_as_one(address: str) -> None:
    assert question.target(address, "") == question.Target(Ask.URL, address, "HEAD")
    assert question.target(address, "v1").commit == "v1"


@pytest.mark.parametrize(
    "address", ["ssh://git@forge.example/a.git", "git@forge.example:a.git", "ext::sh -c x", "ftp://x/y"]
)
def test_an_address_that_is_not_read_is_refused_with_what_to_do(address: str) -> None:
    with pytest.raises(UsageError, match=r"git clone|ni un dossier"):
        question.target(address, "")


def test_a_folder_is_its_work_tree_and_with_a_commit_that_commit(tmp_path: Path) -> None:
    assert question.target(str(tmp_path), "") == question.Target(Ask.WORKTREE, str(tmp_path), "HEAD")
    assert question.target(str(tmp_path), "v1") == question.Target(Ask.COMMIT, str(tmp_path), "v1")


def test_a_file_is_refused_and_the_folder_of_its_application_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/composer.json").touch()
    (tmp_path / "app/src/A.php").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"est un fichier .*\(app\)"):
        question.target("app/src/A.php", "")


@pytest.mark.parametrize("asked", ["", "a\0b", "x" * 5000, "nulle-part", "é\udce9"])
def test_a_word_that_names_nothing_is_refused(asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        question.target(asked, "")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError):
        question.target(str(tmp_path / "a"), "")


@needs_git
def test_a_commit_of_the_current_repository_can_be_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert question.target("HEAD", "") == question.Target(Ask.COMMIT, str(tmp_path), "HEAD")
    with pytest.raises(UsageError, match="ni un commit"):
        question.target("HEAD~7", "")
    with pytest.raises(UsageError):
        question.target("HEAD", "HEAD")


def test_a_target_is_named_in_the_next_command_only_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    assert question.target(".", "").shown() == ""
    assert question.target("app", "").shown() == "app"
    assert question.target("app", "v1").shown() == "app --commit v1"


@pytest.mark.parametrize("at", ["demain", "2026-13-01", "01/02/2026", "2026-02-30"])
def test_a_date_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(UsageError, match="2026-12-31"):
        question.day(at)


def test_a_date_is_read_and_none_is_today() -> None:
    assert question.day("2026-02-28") == date(2026, 2, 28)
    assert question.day("") == date.today()


def test_an_address_gets_less_time_than_a_folder_unless_said_otherwise(tmp_path: Path) -> None:
    folder, address = question.target(str(tmp_path), ""), question.target("https://forge.example/a", "")
    assert question.limits(address, None).timeout_s < question.limits(folder, None).timeout_s
    assert question.limits(address, 7.0).timeout_s == 7.0


def test_evidence_decides_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "preuves.json"
    file.write_text("{}", "utf-8")
    assert question.evidence(file, {"--track": False}) == "{}"
    assert question.evidence(None, {"--track": True}) == ""
    with pytest.raises(UsageError, match="--track, --at"):
        question.evidence(file, {"--track": True, "--stage": False, "--at": True})


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"\xff\xfe", b"[" * 100_000])
def test_a_baseline_that_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rapport.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="n'est pas un rapport"):
        question.previous(file)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda _: None, "n'existe pas", id="absent"),
        pytest.param(lambda path: path.mkdir(), "dossier", id="a folder"),
        pytest.param(lambda path: os.truncate(path.open("wb").name, 2000), "dépasse", id="too big"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_french(tmp_path: Path, make: object, said: str) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(UsageError, match=said):
        question.content(tmp_path / "x", "--evidence", 1000)


def as_nobody(asked: str) -> str:
    """What is said to a user without rights of anything here."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            question.target(asked, "")
        except UsageError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as said:
        return said.read().decode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_a_folder_without_rights_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as closed:  # its parent is open, that of tmp_path is not
        assert "vous n'en avez pas le droit" in as_nobody(closed)
    (tmp_path / "dedans").mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert "vous n'en avez pas le droit" in as_nobody(str(tmp_path / "dedans"))


def test_a_password_in_an_address_is_not_shown() -> None:
    shown = question.target("https://moi:tres-secret@forge.example/a.git", "").shown()
    assert "tres-secret" not in shown
    assert "forge.example/a.git" in shown
