"""The built wheel, installed alone in a fresh environment, works without the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ASSETS = ("crds", "templates", "deploy", "pipelines")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an environment that holds the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("amcloud-*.whl")
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    return environment


def _run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "bin" / "amcloud"), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_and_its_help_are_there(installed: Path, tmp_path: Path) -> None:
    done = _run(installed, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "check" in done.stdout


def test_the_data_is_in_the_wheel(installed: Path) -> None:
    (packages,) = (installed / "lib").glob("python*/site-packages")
    for name in ASSETS:
        assert any((packages / "amcloud" / "_assets" / name).iterdir()), name
    assert list((packages / "psram" / "_packs").iterdir())


def test_an_application_is_checked_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sandbox" / "apps" / "annuaire-local", tmp_path / "annuaire-local")
    application = tmp_path / "annuaire-local"
    subprocess.run(["git", "init", "--quiet", str(application)], check=True)
    done = _run(installed, "check", str(application), cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MTN-" in done.stdout
