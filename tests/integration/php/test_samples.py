"""Each sample, in each of its good revisions: its dependencies install, its code compiles, its tests are green."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from amcloud_sandbox import apps
from amcloud_sandbox.composer import lock
from amcloud_sandbox.composer.repository import Repository
from amcloud_sandbox.testing.php import Application, Workshop, phpunit
from amcloud_sandbox.testing.services import PostgresServer

GOOD = [
    ("suivi-courriers", "r1"),
    ("suivi-courriers", "r2-priorite"),
    ("annuaire-local", "r2-corrigee"),
    ("tableau-perso", "r1"),
]


@pytest.mark.parametrize(("app", "revision"), GOOD)
def test_the_tests_of_a_good_revision_are_green(
    workshop: Workshop, postgres: PostgresServer, app: str, revision: str
) -> None:
    assert "OK (" in phpunit(workshop.installed(app, revision), postgres)


@pytest.mark.parametrize(("app", "revision"), GOOD)
def test_every_php_file_of_a_good_revision_compiles(workshop: Workshop, app: str, revision: str) -> None:
    project = workshop.installed(app, revision)
    files = [path for path in project.rglob("*.php") if "vendor" not in path.parts]
    assert files
    assert broken(files) == []


def test_the_broken_revision_of_suivi_courriers_does_not_compile(tmp_path: Path) -> None:
    apps.write("suivi-courriers", "r3-cassee", tmp_path)
    assert len(broken(list(tmp_path.rglob("*.php")))) == 1


def broken(files: list[Path]) -> list[Path]:
    """Those that the hosted PHP refuses."""
    return [path for path in files if subprocess.run(["php", "-l", path], capture_output=True, check=False).returncode]


@pytest.mark.parametrize("app", apps.names())
def test_composer_finds_the_committed_lock_fresh(app: str, tmp_path: Path) -> None:
    apps.write(app, apps.FIRST, tmp_path)
    said = subprocess.run(
        ["composer", "validate", "--no-check-publish", "--no-check-all", "--no-plugins"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "COMPOSER_HOME": str(tmp_path / "home"), "COMPOSER_ALLOW_SUPERUSER": "1"},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "lock file is not up to date" not in said.stdout + said.stderr


def test_a_lock_of_another_point_release_is_written_again(composer_repository: Repository, tmp_path: Path) -> None:
    apps.write("suivi-courriers", "r1", tmp_path)
    path = tmp_path / "composer.lock"
    data = json.loads(path.read_text(encoding="utf-8"))
    yaml = next(entry for entry in data["packages"] if entry["name"] == "symfony/yaml")
    yaml["version"] = "5.4.1"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert lock.refresh(tmp_path, composer_repository)
    assert lock.is_served(json.loads(path.read_text(encoding="utf-8")), composer_repository)
    assert not lock.refresh(tmp_path, composer_repository)


def test_the_second_revision_changes_the_schema_under_the_first_one(
    workshop: Workshop, serve: Callable[[Path], Application], database: object
) -> None:
    first = serve(workshop.installed("suivi-courriers", "r1"))
    second = serve(workshop.installed("suivi-courriers", "r2-priorite"))
    record = {"objet": "Courrier exemple", "expediteur": "Assuré exemple", "recu_le": "2026-01-05"}
    for number, app in enumerate((first, second, first)):  # while the new one rolls out, the old one still serves
        sent = app.request(
            "POST", "/courriers", host="671", token=app.token("671"), json={**record, "reference": f"EX-{number}"}
        )
        assert sent.status_code == 201, sent.text
    listed = second.request("GET", "/courriers", host="671", token=second.token("671")).json()["courriers"]
    assert {one["priorite"] for one in listed} == {"normale"}
