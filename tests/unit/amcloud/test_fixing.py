"""``amcloud check --fix`` writes inside the tree only, never through a link, and loses nobody's work."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import msgspec
import pytest
import typer

from amcloud.cli import fixing
from psram import packs
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Report, Stage, Track

LOOSE = b"<?php\nnamespace App;\nfinal class A {}\n"
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))


def tree(folder: Path, *paths: str) -> Report:
    """Loose files on disk, and the report of the same files once committed."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(LOOSE)
    return judge(collect_files(dict.fromkeys(paths, LOOSE), commit="1" * 40), packs.load(), CONTEXT)


def test_files_are_corrected_with_their_rights_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tree(tmp_path, "src/A.php", "src/B.php")
    (tmp_path / "src/B.php").chmod(0o750)
    assert fixing.fix(report, tmp_path, yes=True, force=False)
    assert b"declare(strict_types=1);" in (tmp_path / "src/A.php").read_bytes()
    assert (tmp_path / "src/B.php").stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in (tmp_path / "src").iterdir()) == ["A.php", "B.php"]
    shown = capsys.readouterr()
    assert "+++ b/src/A.php\n" in shown.out
    assert "2 fichiers corrigés" in shown.err


def test_without_a_person_at_the_terminal_nothing_is_written_unless_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not fixing.fix(tree(tmp_path, "src/A.php"), tmp_path, yes=False, force=False)
    assert (tmp_path / "src/A.php").read_bytes() == LOOSE
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "written"), [("o\n", True), ("oui\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_person_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, written: bool) -> None:
    class Keyboard:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return typed

    monkeypatch.setattr("sys.stdin", Keyboard())
    assert fixing.fix(tree(tmp_path, "src/A.php"), tmp_path, yes=False, force=False) is written
    assert ((tmp_path / "src/A.php").read_bytes() != LOOSE) is written


def test_uncommitted_work_is_not_mixed_with_corrections_unless_insisted_upon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = msgspec.structs.replace(tree(tmp_path, "src/A.php"), uncommitted=("src/A.php",))
    with pytest.raises(typer.Exit) as refused:
        fixing.fix(report, tmp_path, yes=True, force=False)
    assert refused.value.exit_code == 1
    assert (tmp_path / "src/A.php").read_bytes() == LOOSE
    said = capsys.readouterr()
    assert "modifications non validées" in said.err
    assert "+++ b/src/A.php" in said.out
    assert fixing.fix(report, tmp_path, yes=True, force=True)


def test_a_folder_without_commit_has_nothing_to_go_back_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = msgspec.structs.replace(tree(tmp_path, "src/A.php"), uncommitted=("src/A.php",), commit="")
    with pytest.raises(typer.Exit):
        fixing.fix(report, tmp_path, yes=True, force=False)
    assert "--force" in capsys.readouterr().err
    assert fixing.fix(report, tmp_path, yes=True, force=True)
    said = capsys.readouterr().err
    assert "1 fichier corrigé ; ce dossier n'a pas de commit : rien ne rendra" in said
    assert "git restore" not in said


@pytest.mark.parametrize("inside", [True, False])
def test_nothing_is_read_nor_written_through_a_link(tmp_path: Path, inside: bool) -> None:
    elsewhere = tmp_path / ("app/ailleurs" if inside else "ailleurs")
    report = tree(tmp_path / "app", "src/A.php", "lib/B.php")
    elsewhere.mkdir()
    (elsewhere / "A.php").write_bytes(LOOSE)
    (elsewhere / "B.php").write_bytes(LOOSE)
    (tmp_path / "app/src/A.php").unlink()
    (tmp_path / "app/src/A.php").symlink_to(elsewhere / "A.php")
    (tmp_path / "app/lib/B.php").unlink()
    (tmp_path / "app/lib").rmdir()
    (tmp_path / "app/lib").symlink_to(elsewhere)
    assert not fixing.fix(report, tmp_path / "app", yes=True, force=True)
    assert (elsewhere / "A.php").read_bytes() == (elsewhere / "B.php").read_bytes() == LOOSE


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", ".git/config", "", "a//b", "./a", "a\0b"])
def test_a_path_that_leads_out_of_the_tree_is_neither_read_nor_written(tmp_path: Path, path: str) -> None:
    (tmp_path / "app/.git").mkdir(parents=True)
    (tmp_path / "app/.git/config").write_bytes(LOOSE)
    (tmp_path / "x").write_bytes(LOOSE)
    there = fixing.Tree(tmp_path / "app")
    assert there.read(path) is None
    with pytest.raises((OSError, ValueError)):
        there.write(path, LOOSE, b"autre")
    assert (tmp_path / "x").read_bytes() == LOOSE


def test_a_file_that_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    tree(tmp_path, "src/A.php")
    with pytest.raises(OSError, match="changé"):
        fixing.Tree(tmp_path).write("src/A.php", b"autre", b"mieux")
    assert (tmp_path / "src/A.php").read_bytes() == LOOSE


def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "A.php")
    (tmp_path / "B.php").mkdir()
    assert fixing.Tree(tmp_path).read("A.php") is None
    assert fixing.Tree(tmp_path).read("B.php") is None
