"""The house keeps its layout: rules that no other tool checks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOP_LEVEL = (
    "operator",
    "templates",
    "crds",
    "pipelines",
    "conformance",
    "tests",
    "Dockerfile",
    "pyproject.toml",
    "README.md",
)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_the_top_level_entries_that_were_asked_for_exist(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_operator_folder_is_no_package_so_that_the_standard_library_keeps_its_own() -> None:
    assert not list((ROOT / "operator").glob("*.py"))


def test_no_folder_of_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_source_roots_are_the_same_for_the_wheel_pytest_and_mypy() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    wheel = {package.split("/")[0] for package in project["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert wheel == set(project["mypy"]["mypy_path"])
    assert wheel | {"tests/support"} == set(project["pytest"]["ini_options"]["pythonpath"])


def test_no_python_file_is_too_long_to_be_read() -> None:
    sources = [path for root in ("operator", "conformance", "sandbox") for path in (ROOT / root).rglob("*.py")]
    long = {str(path.relative_to(ROOT)) for path in sources if len(path.read_text(encoding="utf-8").splitlines()) > 400}
    assert not long


def test_every_decision_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))
