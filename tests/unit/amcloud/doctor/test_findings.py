"""What ``amcloud doctor`` says and how it ends, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from amcloud import doctor as examination
from amcloud.cli import doctor as command
from amcloud.cli.exits import Exit
from amcloud.clients import assembly
from amcloud.doctor import Family, Finding, Ground
from amcloud.doctor.findings import State, error, gravest, ok, unknown, warning
from amcloud.errors import UnavailableError

FINE, ODD = ok("a", "Tout va bien."), warning("b", "À voir.", "Regardez.")
WRONG, UNSEEN = error("c", "Cela manque.", "Ajoutez-le."), unknown("d", "Invisible d'ici.", "Regardez ailleurs.")


class Scripted(Family):
    """A family that finds what it is told."""

    __slots__ = ("found",)

    def __init__(self, name: str, *found: Finding | Exception) -> None:
        super().__init__(name, name.title(), "nowhere")
        object.__setattr__(self, "found", found)

    def examine(self, ground: Ground) -> Iterable[Finding]:
        for one in cast(Any, self).found:
            if isinstance(one, Exception):
                raise one
            yield one


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, families: tuple[Family, ...]) -> Any:
    app = typer.Typer()
    command.register(app)
    monkeypatch.setattr(assembly, "api", SimpleNamespace)
    monkeypatch.setattr(examination, "CLUSTER", families)
    return CliRunner().invoke(app, arguments, env={"AMCLOUD_DATABASE_URL": "postgresql://x"})


@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param((), Exit.OK, id="nothing"),
        pytest.param((FINE, ODD), Exit.OK, id="a warning is no failure"),
        pytest.param((FINE, UNSEEN, ODD), Exit.COULD_NOT_TELL, id="doubt is told"),
        pytest.param((UNSEEN, WRONG), Exit.REFUSED, id="an error is graver than doubt"),
    ],
)
def test_the_exit_status_says_the_gravest_finding(
    found: tuple[Finding, ...], status: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, families=(Scripted("essai", *found),)).exit_code == status


def test_whatever_is_wrong_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="says what to do"):
        error("x", "Cela manque.", "")
    assert gravest((FINE, UNSEEN, WRONG)) is State.ERROR


def test_text_has_a_heading_a_family_and_an_arrow_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(monkeypatch, families=(Scripted("un", FINE, WRONG), Scripted("deux", ODD))).stdout
    assert said.splitlines() == [
        "Un (un)",
        "  ok      Tout va bien.",
        "  ERREUR  Cela manque.",
        "          → Ajoutez-le.",
        "",
        "Deux (deux)",
        "  ALERTE  À voir.",
        "          → Regardez.",
        "",
        "1 correct(s), 1 avertissement(s), 1 erreur(s)",
    ]


def test_json_is_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, "--output", "json", families=(Scripted("un", FINE, WRONG),))
    said = json.loads(done.stdout)
    assert said["counts"] == {"ok": 1, "warning": 0, "error": 1, "unknown": 0}
    assert said["findings"][1] == {
        "family": "un", "check": "c", "state": "error", "message": "Cela manque.", "remedy": "Ajoutez-le.",
    }  # fmt: skip


def test_a_family_that_cannot_look_says_so_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Scripted("un", FINE, UnavailableError("le cluster ne répond pas"))
    done = run(monkeypatch, families=(silent, Scripted("deux", ODD)))
    assert done.exit_code == Exit.COULD_NOT_TELL
    assert "Examen inachevé : le cluster ne répond pas" in done.stdout
    assert "Regardez." in done.stdout


def test_only_one_family_may_be_asked_and_an_unknown_one_is_a_wrong_command(monkeypatch: pytest.MonkeyPatch) -> None:
    families = (Scripted("un", WRONG), Scripted("deux", FINE))
    assert run(monkeypatch, "--only", "deux", families=families).exit_code == Exit.OK
    refused = run(monkeypatch, "--only", "trois", families=families)
    assert refused.exit_code == Exit.USAGE
    assert "les familles sont un, deux" in refused.stderr


@pytest.mark.parametrize("family", examination.CLUSTER + examination.PROJECT, ids=lambda family: family.name)
def test_every_family_is_a_module_that_examines(family: Family) -> None:
    ground = Ground(cast(Any, None), {}, "amcloud-system", inside=True, now=datetime(2026, 3, 2, tzinfo=UTC))
    assert iter(family.examine(ground))
