"""What ``amcloud new`` writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from amcloud import cli
from amcloud.cli.new import Choices, File, content_hash, problem, render, template, write
from amcloud.clients import composer
from amcloud.errors import UnavailableError
from amcloud.stages import manifest
from amcloud.stages.declared.app import Organisation, Track

CHOICES = Choices("mon-appli", "681", "cpam-haut-rhin", "https://artefacts.example/composer/")


@pytest.fixture
def no_composer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Composer."""

    def absent(_: Path) -> None:
        raise UnavailableError("composer n'est pas installé sur ce poste")

    monkeypatch.setattr(composer, "lock", absent)


def rendered() -> dict[str, bytes]:
    """Path → content of the application made with :data:`CHOICES`."""
    return {file.path: file.content for file in render(template(), CHOICES)}


def test_no_placeholder_is_left() -> None:
    assert [path for path, data in rendered().items() if b"__ESPACE__" in data or b"__NOM__" in data] == []
    assert [path for path, data in rendered().items() if b"__DEPOT" in data or b"__TITRE__" in data] == []


def test_hidden_files_get_their_dot() -> None:
    assert {".gitlab-ci.yml", ".gitignore", ".dockerignore"} <= rendered().keys()


def test_the_manifest_names_the_application_and_its_owner() -> None:
    document = yaml.safe_load(rendered()["localapp.yaml"])
    assert document["metadata"] == {"name": "mon-appli", "namespace": "cpam-haut-rhin"}
    assert document["spec"]["owner"]["organisation"] == "681"
    assert document["spec"]["repository"]["project"] == "cpam-haut-rhin/mon-appli"


def test_what_the_manifest_declares_of_personal_data_is_what_the_entities_say() -> None:
    holds = any(b"#[PersonalData(" in data for path, data in rendered().items() if path.startswith("src/Entity/"))
    declared = yaml.safe_load(rendered()["localapp.yaml"])["spec"]["privacy"]
    assert holds
    assert declared == {"classification": "personal"}, "the number in the register is its owner's to give"


def test_the_operator_accepts_the_manifest() -> None:
    app = manifest.parse(
        with_server_fields(yaml.safe_load(rendered()["localapp.yaml"])),
        {"681": Organisation("681", "CPAM exemple", "cpam-haut-rhin", "cpam-haut-rhin")},
        {"cpam-haut-rhin": "681"}.get,
    )
    assert (app.name, app.track, app.organisations) == ("mon-appli", Track.HOMOLOGATION, ("681",))


def with_server_fields(document: dict[str, Any]) -> dict[str, Any]:
    """The manifest as the API server gives it back."""
    return {**document, "metadata": {**document["metadata"], "uid": "u-1", "generation": 1}}


def test_the_lock_fits_the_new_composer_json() -> None:
    files = rendered()
    composer_json, lock = json.loads(files["composer.json"]), json.loads(files["composer.lock"])
    assert lock["content-hash"] == content_hash(composer_json)
    assert composer_json["repositories"][0]["url"] == "https://artefacts.example/composer"
    urls = [package["dist"]["url"] for package in (*lock["packages"], *lock["packages-dev"])]
    assert urls
    assert all(url.startswith("https://artefacts.example/composer/dist/") for url in urls)


def test_plain_http_is_allowed_only_when_the_repository_has_no_other() -> None:
    over_http = Choices("mon-appli", "681", "cpam-haut-rhin", "http://192.0.2.1:8930")
    files = {file.path: file.content for file in render(template(), over_http)}
    assert json.loads(files["composer.json"])["config"]["secure-http"] is False
    assert "secure-http" not in json.loads(rendered()["composer.json"])["config"]


def test_the_content_hash_is_composer_s_own() -> None:
    # Computed by Composer 2.5.5 for these very contents.
    composer_json = {"require": {"php": "~8.2.0"}, "config": {"platform": {"php": "8.2.0"}}, "name": "a/é", "extra": {}}
    assert content_hash(composer_json) == "32069415053d4bb352f059e62df5d68a"


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        pytest.param(Choices("Mon Appli", "671", "x", "http://a"), "NOM", id="capitals and space"),
        pytest.param(Choices("../../etc", "671", "x", "http://a"), "NOM", id="a path"),
        pytest.param(Choices("rapports", "671", "x", "http://a"), "NOM", id="reserved"),
        pytest.param(Choices("a" * 60, "671", "x", "http://a"), "NOM", id="too long"),
        pytest.param(Choices("a\n", "671", "x", "http://a"), "NOM", id="a newline"),
        pytest.param(Choices("a", "67", "x", "http://a"), "--organisation", id="two digits"),
        pytest.param(Choices("a", "671", "x: y", "http://a"), "--namespace", id="YAML in the namespace"),
        pytest.param(Choices("a", "671", "x", "file:///etc"), "--composer", id="not http"),
    ],
)
def test_a_wrong_choice_is_named(choices: Choices, field: str) -> None:
    assert (problem(choices) or "").startswith(field)


@given(st.text(max_size=30))
def test_any_name_is_refused_or_gives_the_manifest_of_that_name(name: str) -> None:
    choices = Choices(name, "671", "cpam-bas-rhin", "http://192.0.2.1")
    if problem(choices) is None:
        small = {"composer.json": b'{"config": {}}', "composer.lock": b"{}", "localapp.yaml": b"name: '__NOM__'"}
        files = {file.path: file.content for file in render(small, choices)}
        assert yaml.safe_load(files["localapp.yaml"]) == {"name": name}


def test_the_command_writes_an_application_and_says_what_to_type_next(tmp_path: Path, no_composer: None) -> None:
    said = CliRunner().invoke(cli.build("new"), ["new", "mon-appli", str(tmp_path / "mon-appli")])
    assert said.exit_code == 0, said.output
    assert (tmp_path / "mon-appli" / "bin" / "console").stat().st_mode & 0o111
    assert said.output.index("kubectl apply -f localapp.yaml") < said.output.index("git push")
    assert "celui du modèle" in said.output
    assert [path.name for path in tmp_path.iterdir()] == ["mon-appli"]


@pytest.mark.parametrize("typed", [("Bad Name",), ("ok", "--organisation", "abc")])
def test_a_wrong_choice_is_a_wrong_command_line(typed: tuple[str, ...], tmp_path: Path) -> None:
    said = CliRunner().invoke(cli.build("new"), ["new", *typed, str(tmp_path / "x")])
    assert said.exit_code == 3
    assert said.output.startswith("amcloud new : ")
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_capitals_is_written_small_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(cli.build("new"), ["new", "ESSAI", "--dry-run"])
    assert said.exit_code == 0, said.output
    assert "ESSAI : un nom s'écrit en minuscules, l'application s'appelle essai." in said.stderr
    assert "essai/localapp.yaml" in said.stdout


ALL = ("--organisation", "681", "--namespace", "cpam-haut-rhin", "--composer", "https://artefacts.example")


@pytest.mark.parametrize(
    ("given", "assumed"),
    [
        pytest.param(
            (), ["671 (--organisation)", "cpam-bas-rhin (--namespace)", "http://198.18.0.1:8930 (--composer)"]
        ),
        pytest.param(ALL[:4], ["http://198.18.0.1:8930 (--composer)"], id="the repository alone"),
        pytest.param(ALL, [], id="nothing"),
    ],
)
def test_what_is_assumed_is_said_with_the_option_that_changes_it(given: tuple[str, ...], assumed: list[str]) -> None:
    said = CliRunner().invoke(cli.build("new"), ["new", "essai", *given, "--dry-run"], env={"AMCLOUD_COMPOSER_URL": ""})
    assert said.exit_code == 0, said.output
    assert all(each in said.stderr for each in assumed)
    assert said.stderr.count("--") == len(assumed)


def test_nothing_is_overwritten(tmp_path: Path, no_composer: None) -> None:
    (tmp_path / "mien.txt").write_text("à garder", encoding="utf-8")
    said = CliRunner().invoke(cli.build("new"), ["new", "mon-appli", str(tmp_path)])
    assert said.exit_code == 1
    assert "n'est pas vide" in said.output
    assert [path.name for path in tmp_path.iterdir()] == ["mien.txt"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli.build("new"), ["new", "mon-appli", str(tmp_path / "x"), "--dry-run"])
    assert said.exit_code == 0
    assert "src/Kernel.php" in said.output
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    write((File("a/b.txt", b"x"),), tmp_path / "neuf")
    (tmp_path / "vide").mkdir()
    write((File("a/b.txt", b"x"),), tmp_path / "vide")
    assert (tmp_path / "vide" / "a" / "b.txt").read_bytes() == (tmp_path / "neuf" / "a" / "b.txt").read_bytes()
