"""Parts start in order and stop in the opposite one; one that fails does not keep the others from stopping."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from amcloud_sandbox import cli, lifecycle, network, parts, preparation, prerequisites
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.progress import Progress


@dataclass
class Recorded:
    name: str
    calls: list[str]
    broken: bool = False
    title: str = "composant d'essai"
    debian_packages: tuple[str, ...] = field(default=())

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        self.calls.append(f"up {self.name}")
        say("presque")

    def down(self, layout: Layout) -> None:
        self.calls.append(f"down {self.name}")
        if self.broken:
            raise SandboxError("arrêt", "il résiste")

    def healthy(self, layout: Layout) -> bool:
        return f"up {self.name}" in self.calls and not self.broken


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    made: list[str] = []
    fakes = (Recorded("one", made), Recorded("two", made, broken=True), Recorded("three", made))
    monkeypatch.setattr(parts, "load", lambda names=None: tuple(p for p in fakes if not names or p.name in names))
    monkeypatch.setattr(prerequisites, "ensure", lambda *_, **__: made.append("prerequisites"))
    monkeypatch.setattr(network, "ensure_host_address", lambda: made.append("network"))
    monkeypatch.setattr(network, "remove_host_address", lambda: made.append("no network"))
    monkeypatch.setenv("AMCLOUD_SANDBOX_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("AMCLOUD_CACHE_DIR", str(tmp_path / "cache"))
    return made


def _progress() -> tuple[Progress, io.StringIO]:
    written = io.StringIO()
    return Progress(Console(file=written, force_terminal=False, width=200)), written


def test_the_machine_is_checked_before_the_first_part_starts(calls: list[str]) -> None:
    progress, written = _progress()
    with progress:
        lifecycle.up(None, layout=Layout(), progress=progress)
    assert calls == ["prerequisites", "network", "up one", "up two", "up three"]
    assert "composant d'essai : fait en" in written.getvalue()


def test_what_already_works_is_left_alone_and_the_rest_is_started(calls: list[str]) -> None:
    calls.append("up one")
    progress, written = _progress()
    with progress:
        lifecycle.up(None, layout=Layout(), progress=progress)
    assert calls[1:] == ["prerequisites", "network", "up two", "up three"]
    assert "composant d'essai : déjà prêt" in written.getvalue()


def test_preparing_installs_and_compiles_and_starts_nothing(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "TASKS", {"a": lambda *_: calls.append("task")})
    progress, _ = _progress()
    with progress:
        lifecycle.prepare(layout=Layout(), progress=progress)
    assert calls == ["prerequisites", "task"]


def test_the_state_folder_can_be_walked_through_whoever_made_it_first(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buildah makes it for root alone, and PostgreSQL runs under an account of its own."""
    layout = Layout()

    def task(*_: object) -> None:
        assert layout.state.stat().st_mode & 0o777 == 0o755

    layout.state.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(preparation, "TASKS", {"a": task})
    progress, _ = _progress()
    with progress:
        lifecycle.prepare(layout=layout, progress=progress)
        layout.state.chmod(0o700)
        lifecycle.up((), layout=layout, progress=progress)
    assert layout.state.stat().st_mode & 0o777 == 0o755


def test_stopping_goes_the_other_way_and_past_a_failure(calls: list[str]) -> None:
    progress, _ = _progress()
    with progress, pytest.raises(SandboxError, match="il résiste"):
        lifecycle.down(None, layout=Layout(), progress=progress)
    assert calls == ["down three", "down two", "down one"]


def test_a_whole_stop_removes_the_state_and_keeps_the_cache(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout()
    layout.run.mkdir(parents=True)
    (layout.state / "bridge").touch()
    monkeypatch.setattr(parts, "load", lambda names=None: ())
    progress, _ = _progress()
    with progress:
        lifecycle.down(None, layout=layout, progress=progress)
        lifecycle.down(None, layout=layout, progress=progress)
    assert not layout.state.exists()
    assert layout.cache.exists()
    assert calls == ["no network"]


def test_stopping_one_part_leaves_the_network_to_the_others(calls: list[str]) -> None:
    progress, _ = _progress()
    with progress:
        lifecycle.down(("one",), layout=Layout(), progress=progress)
    assert calls == ["down one"]


def test_status_in_json_is_one_object_a_part_and_its_exit_code_tells_trouble(calls: list[str]) -> None:
    calls += ["up one", "up three"]
    app = typer.Typer()
    cli.register(app)
    answer = CliRunner().invoke(app, ["sandbox", "status", "--output", "json"])
    assert answer.exit_code == 1
    states = json.loads(answer.stdout)
    assert [(state["name"], state["healthy"]) for state in states] == [("one", True), ("two", False), ("three", True)]


def test_a_failure_is_a_sentence_and_not_a_trace(calls: list[str]) -> None:
    app = typer.Typer()
    cli.register(app)
    answer = CliRunner().invoke(app, ["sandbox", "down"])
    assert answer.exit_code == 1
    assert "il résiste" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_part_is_refused_with_the_choices() -> None:
    with pytest.raises(SandboxError, match="choix possibles : kubernetes, node"):
        parts.load(("kubernetes", "nowhere"))


def test_every_part_that_is_there_keeps_the_shape() -> None:
    for part in parts.load():
        assert part.name in parts.ORDER
        assert part.title
        assert all(isinstance(package, str) for package in part.debian_packages)
