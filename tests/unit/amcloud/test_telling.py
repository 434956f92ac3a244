"""What `amcloud check` tells beside the report: the notes before it, the command to type after it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from amcloud.cli.question import Target
from amcloud.cli.telling import presentation
from psram import packs
from psram.collect.memory import collect_files
from psram.judge import judge
from psram.model import Context, Stage, Track
from psram.reports import Presentation
from psram.worker.protocol import Ask

PHP = b"<?php\n\ndeclare(strict_types=1);\n"
KIT = b'{"require": {"amcloud/starter-kit": "^1.0"}}'
CONTEXT = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))


def shown(files: dict[str, bytes], folder: Path, *, uncommitted: tuple[str, ...] = ()) -> Presentation:
    facts = msgspec.structs.replace(collect_files(files, commit="1" * 40), uncommitted=uncommitted)
    report = judge(facts, packs.load(), CONTEXT)
    respected = msgspec.structs.replace(report, results=())
    target = Target(Ask.WORKTREE, str(folder))
    return presentation(respected, facts, target, previous=None, decided=False, full=False, output=None)


@pytest.mark.parametrize(
    ("manifest", "noted"),
    [
        pytest.param(b"{}", True, id="without the kit"),
        pytest.param(KIT, False, id="with the kit"),
        pytest.param(KIT[:-1] + b",}", False, id="one that cannot be read, and may ask for the kit"),
    ],
)
def test_only_an_application_without_the_kit_is_told_so(manifest: bytes, noted: bool, tmp_path: Path) -> None:
    notes = shown({"src/A.php": PHP, "composer.json": manifest}, tmp_path).notes
    assert any("Écrite sans le Starter Kit" in note for note in notes) is noted


def test_the_next_command_takes_new_files_too(tmp_path: Path) -> None:
    (line,) = shown({"src/A.php": PHP, "composer.json": KIT}, tmp_path, uncommitted=("src/A.php",)).footer
    assert line.startswith("Ensuite : git add -A, git commit, puis git push")


@pytest.mark.parametrize("text", [True, False])
def test_what_fix_would_correct_is_found_out_for_a_text_alone(text: bool, tmp_path: Path) -> None:
    files = {"src/A.php": b"<?php\n\nfinal class A {}\n", "composer.json": KIT}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    facts = collect_files(files, commit="1" * 40)
    report = judge(facts, packs.load(), CONTEXT)
    target = Target(Ask.WORKTREE, str(tmp_path))
    told = presentation(report, facts, target, previous=None, decided=False, full=False, output=None, text=text)
    assert bool(told.mended) is text
