"""Failures of the image tools are told with the end of what they said."""

from __future__ import annotations

from pathlib import Path

import pytest

from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.images import commands


def test_a_failed_program_is_told_with_its_last_words() -> None:
    with pytest.raises(SandboxError, match="essai : last words"):
        commands.output(("sh", "-c", "echo last words >&2; exit 3"), doing="essai")


def test_an_absent_program_is_named() -> None:
    with pytest.raises(SandboxError, match="no-such-program"):
        commands.output(("no-such-program",), doing="essai")


def test_a_long_run_speaks_and_keeps_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SAY_EVERY_S", 0.05)
    said: list[str] = []
    commands.run(("sh", "-c", "echo out; sleep 0.2"), doing="essai", say=said.append, log=tmp_path / "l" / "log")
    assert said
    assert (tmp_path / "l" / "log").read_text() == "out\n"


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SAY_EVERY_S", 0.05)
    with pytest.raises(SandboxError, match="pas fini"):
        commands.run(("sleep", "60"), doing="essai", say=lambda _: None, log=tmp_path / "log", timeout_s=0.1)
