"""What ``amcloud new`` writes is a real application: it installs, its tests are green, it conforms and it serves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amcloud import cli
from amcloud_sandbox.composer import lock
from amcloud_sandbox.composer.repository import Repository
from amcloud_sandbox.testing.php import Application, Workshop, phpunit
from amcloud_sandbox.testing.services import PostgresServer


@pytest.fixture(scope="module")
def project(
    workshop: Workshop, composer_repository: Repository, composer_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A new application, made with this session's Composer repository, dependencies installed."""
    folder = tmp_path_factory.mktemp("new") / "essai-neuf"
    said = CliRunner().invoke(cli.build(), ["new", "essai-neuf", str(folder), "--composer", composer_url])
    assert said.exit_code == 0, said.output
    assert "celui du modèle" not in said.output, "composer must have locked it"
    packages = json.loads((folder / "composer.lock").read_text(encoding="utf-8"))["packages"]
    served = composer_repository.packages()
    assert all(package["version"] in served[package["name"]] for package in packages)
    workshop.install(folder)
    return folder


def test_its_tests_are_green(project: Path, postgres: PostgresServer) -> None:
    assert "OK (" in phpunit(project, postgres)


def test_it_conforms_to_the_norms(project: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(project)], check=True, timeout=20)  # so that .gitignore counts
    said = CliRunner().invoke(cli.build(), ["check", str(project)])
    assert said.exit_code == 0, said.output
    assert said.output.startswith("CONFORME")


def test_it_serves_each_organisation_its_own_records(project: Path, serve: Callable[[Path], Application]) -> None:
    app = serve(project)
    sent = app.request("POST", "/demandes", host="671", token=app.token("671"), json={"objet": "Demande exemple"})
    assert sent.status_code == 201, sent.text
    assert len(app.request("GET", "/demandes", host="671", token=app.token("671")).json()["demandes"]) == 1
    assert app.request("GET", "/demandes", host="681", token=app.token("681")).json()["demandes"] == []


def test_the_shipped_lock_is_one_that_composer_accepts(project: Path) -> None:
    manifest = json.loads((project / "composer.json").read_text(encoding="utf-8"))
    written = json.loads((project / "composer.lock").read_text(encoding="utf-8"))["content-hash"]
    assert written == lock.content_hash(manifest)
