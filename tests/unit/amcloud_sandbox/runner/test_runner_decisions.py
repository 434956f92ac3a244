"""What the runner decides: variables, order and fate of jobs, what a trace may show."""

from __future__ import annotations

import io
import pwd
import zipfile
from pathlib import Path
from typing import Any

import pytest

from amcloud_sandbox.runner import cells, jobs, pipeline, variables
from amcloud_sandbox.runner.isolation import Cell
from amcloud_sandbox.runner.jobs import Job

WORK: dict[str, Any] = {
    "id": 12,
    "iid": 3,
    "project_id": 7,
    "project_path": "cpam-bas-rhin/suivi-courriers",
    "project_name": "suivi-courriers",
    "default_branch": "main",
    "ref": "main",
    "tag": False,
    "sha": "a" * 40,
    "before_sha": "0" * 40,
    "source": "push",
    "user": {"id": 2, "username": "developpeur", "name": "D", "email": "d@forge.example"},
    "url": "http://198.18.0.1:8929",
    "token": "glcbt-secret",
    "variables": [
        {"key": "CLE", "value": "tres-secret", "type": "env_var", "masked": True},
        {"key": "FICHIER", "value": "contenu", "type": "file", "masked": False},
    ],
}


def test_variables_are_gitlab_s() -> None:
    found = variables.predefined(WORK, registry="localhost:5000", message="Titre\n\nDétail")
    assert found["CI_REGISTRY_IMAGE"] == "localhost:5000/cpam-bas-rhin/suivi-courriers"
    assert (found["CI_COMMIT_BRANCH"], found["CI_COMMIT_TITLE"], found["CI_SERVER_PORT"]) == ("main", "Titre", "8929")
    assert "CI_COMMIT_TAG" not in found
    tagged = variables.predefined({**WORK, "tag": True, "ref": "v1"}, registry="r", message="")
    assert (tagged["CI_COMMIT_TAG"], "CI_COMMIT_BRANCH" in tagged) == ("v1", False)


def test_a_project_s_variable_wins_over_a_predefined_one_and_files_stay_files() -> None:
    known = {"CLE": "autre"}
    found = variables.home_file(WORK, known)["global"]
    assert found["CLE"] == {"type": "variable", "values": {"*": "tres-secret"}}
    assert found["FICHIER"]["type"] == "file"


def test_no_secret_is_shown() -> None:
    text = "curl -H glcbt-secret; echo tres-secret"
    assert pipeline.mask(text, variables.secrets(WORK)) == "curl -H [MASKED]; echo [MASKED]"


JOBS = (
    Job("unit", "test"),
    Job("lint", "test", allow_failure=True),
    Job("image", "build"),
    Job("notify", "after", when="on_failure"),
    Job("clean", "after", when="always"),
    Job("direct", "after", needs=("unit",)),
)


@pytest.mark.parametrize(
    ("name", "states", "runs"),
    [
        pytest.param("image", {"unit": "success", "lint": "success"}, True, id="all before passed"),
        pytest.param("image", {"unit": "success", "lint": "failed"}, True, id="an allowed failure"),
        pytest.param("image", {"unit": "failed", "lint": "success"}, False, id="a failure"),
        pytest.param("notify", {"unit": "failed", "lint": "success", "image": "skipped"}, True, id="on failure"),
        pytest.param("notify", {"unit": "success", "lint": "success", "image": "success"}, False, id="no failure"),
        pytest.param("clean", {"unit": "failed", "lint": "failed", "image": "skipped"}, True, id="always"),
        pytest.param("direct", {"unit": "success", "lint": "success", "image": "failed"}, True, id="only its needs"),
    ],
)
def test_a_job_starts_when_what_it_waits_for_allows_it(name: str, states: dict[str, str], runs: bool) -> None:
    job = next(job for job in JOBS if job.name == name)
    assert jobs.may_start(job, JOBS, states) is runs


def test_jobs_come_in_the_order_of_their_stages_without_manual_ones() -> None:
    listed = [
        {"name": "b", "stage": "build", "when": "on_success", "allow_failure": {"exit_codes": [3]}},
        {"name": "m", "stage": "test", "when": "manual", "allow_failure": True},
        {"name": "t", "stage": "test", "when": "on_success", "allow_failure": False, "needs": [{"job": "x"}]},
    ]
    expanded = {"stages": ["test", "build"], "t": {"timeout": "2m", "artifacts": {"reports": {"junit": "junit.xml"}}}}
    first, second = jobs.parse(listed, expanded)
    assert (first.name, first.needs, first.reports, first.timeout_s) == ("t", ("x",), (("junit", "junit.xml"),), 120)
    assert (second.name, second.allow_failure) == ("b", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90 seconds", 90),
        ("1m 30s", 90),
        ("10 min", 600),
        ("1h", 3600),
        (None, jobs.DEFAULT_TIMEOUT_S),
        ("x", jobs.DEFAULT_TIMEOUT_S),
    ],
)
def test_durations_are_read_as_gitlab_writes_them(text: str | None, expected: float) -> None:
    assert jobs.seconds(text) == expected


def test_a_command_of_a_pipeline_gets_nothing_of_the_runner_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_ROOT_TOKEN", "secret")
    cell = Cell("nobody", Path("/srv/cells/1"), Path("/srv/images"), Path("/srv/caches/7"), Path("/srv/tools"))
    environment = cell.environment({"CI_JOB_TOKEN": "t"})
    assert "FORGE_ROOT_TOKEN" not in environment
    assert (environment["HOME"], environment["TMPDIR"]) == ("/srv/cells/1/home", "/tmp")
    script = cell.argv(["true"])[-3]
    assert "mount --bind /srv/cells/1/tmp /tmp" in script
    assert "mount -o remount,bind,ro /srv/images" in script
    assert f"--reuid {pwd.getpwnam('nobody').pw_uid} " in script


def test_a_report_is_found_in_what_a_job_left() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("junit.xml", "<testsuites/>")
    assert cells.read_zip(out.getvalue(), "./junit.xml") == b"<testsuites/>"
    assert cells.read_zip(out.getvalue(), "absent.xml") is None
