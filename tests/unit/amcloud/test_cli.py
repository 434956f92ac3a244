"""`amcloud`: the words around the commands are French, the version and the completion answer without a command."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from amcloud.cli import build, options
from amcloud.stages.declared import app as stages
from psram.rules import Severity

AMCLOUD = Path(sys.executable).with_name("amcloud")
ENGLISH = re.compile(
    r"Show this message|current shell|<bool>|\[default|\[required|\[env var|Commands|Try '"
    r"|Usage: |COMMAND |\[ARGS\]|<str>|<int|<float|<path>|<file>|<directory>|<list"
)


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and all that the command said."""
    done = CliRunner().invoke(build(*arguments[:1]), list(arguments), prog_name="amcloud", env={"COLUMNS": "120"})
    return done.exit_code, done.output


def test_the_version_needs_no_command() -> None:
    code, said = run("--version")
    assert code == 0
    assert re.fullmatch(r"amcloud \d+\.\d+\.\d+\S*\n", said)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="no word"),
        pytest.param(("--help",), id="the command"),
        pytest.param(("check", "--help"), id="a sub-command"),
        pytest.param(("new", "-h"), id="an argument that is required"),
        pytest.param(("sandbox",), id="a group without a word"),
        pytest.param(("sandbox", "env", "--help"), id="a command of a group"),
    ],
)
def test_help_is_in_french(arguments: tuple[str, ...]) -> None:
    _, said = run(*arguments)
    assert "Affiche cette aide et s'arrête." in said
    assert not ENGLISH.findall(said)


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command, those of groups' members too, hidden ones too."""
    root = typer.main.get_command(build()).commands  # type: ignore[attr-defined]
    for name, command in sorted(root.items()):
        members = getattr(command, "commands", {})
        yield from ((name, member) for member in sorted(members))
        if not members:
            yield (name,)


@pytest.mark.parametrize("words", [pytest.param(words, id=" ".join(words)) for words in commands()])
def test_the_help_of_every_command_is_in_french_and_says_its_exit_statuses(words: tuple[str, ...]) -> None:
    code, said = run(*words, "--help")
    assert (code, ENGLISH.findall(said)) == (0, [])
    assert re.search(rf"Usage : amcloud {' '.join(words)}", said)
    assert "Code de retour : 0 " in said


def test_a_wrong_command_line_names_the_help_in_french() -> None:
    code, said = run("nulle-part")
    assert code == 3
    assert "« amcloud -h » dit comment faire." in said
    assert "Usage : amcloud [OPTIONS] COMMANDE [ARGUMENTS]..." in said
    assert "Erreur" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_and_answers(shell: str, tmp_path: Path) -> None:
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    script = subprocess.run(
        [AMCLOUD, "--show-completion", shell], env=environment, capture_output=True, text=True, check=False
    )
    assert script.returncode == 0, script.stderr
    assert "_AMCLOUD_COMPLETE" in script.stdout


def test_completion_is_installed_for_bash_and_proposes_the_commands(tmp_path: Path) -> None:
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    installed = subprocess.run(
        [AMCLOUD, "--install-completion", "bash"], env=environment, capture_output=True, text=True, check=False
    )
    assert installed.returncode == 0, installed.stderr
    assert (tmp_path / ".bashrc").is_file()
    asked = {**environment, "_AMCLOUD_COMPLETE": "complete_bash", "COMP_WORDS": "amcloud ", "COMP_CWORD": "1"}
    proposed = subprocess.run([AMCLOUD], env=asked, capture_output=True, text=True, check=False).stdout.split()
    assert {"check", "new", "sandbox"} <= set(proposed)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chek",), "la commande « chek » n'existe pas ; vouliez-vous dire « check » ?"),
        (("norms", "lit"), "la commande « lit » n'existe pas ; vouliez-vous dire « list » ?"),
        (("check", "--fulll"), "l'option --fulll n'existe pas ; vouliez-vous dire --full ?"),
        (("check", "--format"), "--format demande une valeur"),
        (("check", "--full=3"), "--full ne prend pas de valeur"),
        (("check", "a", "b"), "de trop : b"),
        (("check", "--stage", "recette"), "--stage : « recette » n'est pas l'un de « development », « acceptance »"),
        (("render",), "FICHIER est obligatoire"),
        (("render", "/nulle-part"), "FICHIER : « /nulle-part » n'existe pas"),
        (("render", "/"), "FICHIER : « / » est un dossier"),
        (("render", __file__, "--kubernetes", "abc"), "--kubernetes : « abc » n'est pas un nombre entier"),
        (("render", __file__, "--kubernetes", "5"), "--kubernetes : un nombre de 20 à 99 est attendu"),
        (("promote", "courriers", "--timeout", "long"), "--timeout : « long » n'est pas un nombre"),
        (("promote", "courriers", "--timeout", "0"), "--timeout : un nombre d'au moins 1 est attendu"),
        (("serve-reports",), "--database-url est obligatoire (ou la variable AMCLOUD_REPORTS_DATABASE_URL)"),
    ],
)
def test_a_wrong_command_line_is_told_in_french(arguments: tuple[str, ...], words: str) -> None:
    code, said = run(*arguments)
    assert code == 3
    assert words in said


@pytest.mark.parametrize(("word", "made"), [("check", True), ("chek", False), ("--help", False), ("", False)])
def test_a_command_that_is_named_is_made_alone(word: str, made: bool) -> None:
    commands = typer.main.get_command(build(word)).commands  # type: ignore[attr-defined]
    assert (set(commands) == {"check"}) is made and "check" in commands


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param(options.StageName, stages.StageName, id="stages"),
        pytest.param(options.TrackName, stages.Track, id="tracks"),
        pytest.param(options.SeverityName, Severity, id="severities"),
    ],
)
def test_the_words_of_options_are_those_of_manifests_and_norms(here: type[StrEnum], there: type[StrEnum]) -> None:
    assert [one.value for one in here] == [one.value for one in there]
