"""``amcloud render``: it shows what would be made, or says why nothing would."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from amcloud.cli import build

SAMPLE = Path(__file__).parents[3] / "sandbox" / "apps" / "suivi-courriers" / "localapp.yaml"


def render(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(build(), ["render", str(SAMPLE), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_sample_becomes_objects() -> None:
    code, said, _ = render("--stage", "acceptance", "--image", "registre.example/x@sha256:" + "a" * 64)
    assert code == 0
    assert "registre.example/x@sha256:aaaa" in said


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--stage", "recette", "n'est pas dans spec.stages (acceptance)"),
        ("--image", "registre.example/x:latest", "nom@sha256:…"),
        ("--commit", "main", "l'identifiant complet d'un commit"),
    ],
)
def test_what_no_revision_could_have_is_refused_with_a_reason(option: str, value: str, reason: str) -> None:
    code, said, why = render(option, value)
    assert (code, said) == (1, "")
    assert why.startswith(f"Erreur : {option} : ")
    assert reason in why
