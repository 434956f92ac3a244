"""The runner runs pipelines for real: gitlab-ci-local, an unprivileged account, namespaces. Needs root."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amcloud_sandbox.layout import REGISTRY_NAME, REGISTRY_URL, Layout
from amcloud_sandbox.parts.forge import ensure_ci_local
from amcloud_sandbox.testing.forge import RunningForge, running_forge

PROJECT = "cpam-bas-rhin/essai"
ACCOUNT = "nobody"  # any account that owns nothing: no image is built here
OVER = {"success", "failed", "canceled", "skipped"}
TIMEOUT_S = 60.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing account and making namespaces needs root")


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    # The account has to reach its cell: pytest's own folders are closed to it.
    with tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        with running_forge(tmp_path_factory.mktemp("forge")) as found:
            runner = _start(found, Path(place))
            yield found
            runner.send_signal(signal.SIGTERM)
            assert runner.wait(timeout=30) == 0
            assert list((Path(place) / "cells").iterdir()) == []


def _start(forge: RunningForge, state: Path) -> subprocess.Popen[bytes]:
    token = forge.folder / "runner-token"
    token.write_text(forge.runner_token, encoding="utf-8")
    argv = [
        sys.executable, "-m", "amcloud_sandbox.runner", "--forge", forge.url, "--token-file", str(token),
        "--account", ACCOUNT, "--state", str(state), "--tools", str(ensure_ci_local(Layout(), print)),
        "--registry", REGISTRY_NAME, "--registry-api", REGISTRY_URL,
    ]  # fmt: skip
    return subprocess.Popen(argv)


def _pipeline(forge: RunningForge, files: dict[str, str], *, path: str = PROJECT) -> Any:
    sha = forge.commit(path, files, clean=True)
    project = forge.project(path)
    (found,) = project.pipelines.list(sha=sha, get_all=True)
    return project.pipelines.get(found.id)


def _wait(pipeline: Any) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_S
    while pipeline.status not in OVER:
        assert time.monotonic() < deadline, f"still {pipeline.status}"
        time.sleep(0.2)
        pipeline.refresh()
    return {job.name: job for job in pipeline.jobs.list(get_all=True)}


def _trace(forge: RunningForge, job: Any) -> str:
    return forge.project(PROJECT).jobs.get(job.id).trace().decode()


def test_jobs_run_in_order_and_hand_on_what_they_made(forge: RunningForge) -> None:
    pipeline = _pipeline(
        forge,
        {
            ".gitlab-ci.yml": """
stages: [tests, image]
tests:
  stage: tests
  script: [echo "<testsuites/>" > junit.xml, 'echo "revision $CI_COMMIT_SHA of $CI_PROJECT_PATH on $CI_COMMIT_BRANCH"']
  artifacts: {when: always, paths: [junit.xml], reports: {junit: junit.xml}}
build-image:
  stage: image
  script: [cat junit.xml, 'echo {} > image.json']
  artifacts: {paths: [image.json]}
"""
        },
    )
    jobs = _wait(pipeline)
    assert {name: job.status for name, job in jobs.items()} == {"tests": "success", "build-image": "success"}
    assert f"revision {pipeline.sha} of {PROJECT} on main" in _trace(forge, jobs["tests"])
    assert "<testsuites/>" in _trace(forge, jobs["build-image"])
    assert {item["file_type"] for item in jobs["tests"].artifacts} == {"archive", "junit"}
    assert forge.project(PROJECT).jobs.get(jobs["build-image"].id).artifact("image.json") == b"{}\n"


def test_a_failure_stops_what_follows_and_its_artifacts_are_kept(forge: RunningForge) -> None:
    pipeline = _pipeline(
        forge,
        {
            ".gitlab-ci.yml": """
stages: [tests, image]
tests:
  stage: tests
  script: [echo "<testsuites/>" > junit.xml, exit 3]
  artifacts: {when: always, paths: [junit.xml]}
build-image: {stage: image, script: ["true"]}
"""
        },
    )
    jobs = _wait(pipeline)
    assert (pipeline.status, jobs["tests"].status, jobs["build-image"].status) == ("failed", "failed", "skipped")
    assert jobs["tests"].failure_reason == "script_failure"
    assert forge.project(PROJECT).jobs.get(jobs["tests"].id).artifact("junit.xml") == b"<testsuites/>\n"


def test_a_job_is_nobody_and_sees_no_other_process(forge: RunningForge) -> None:
    script = 'echo "i am $(id -un), pid 1 is $(ps -o comm= -p 1), $(ls /proc | grep -c "^[0-9]") processes"; ls /tmp'
    pipeline = _pipeline(forge, {".gitlab-ci.yml": f"tests:\n  script:\n    - '{script}'\n    - ls /root\n"})
    jobs = _wait(pipeline)
    trace = _trace(forge, jobs["tests"])
    assert jobs["tests"].status == "failed"
    said = next(line for line in trace.splitlines() if line.startswith(f"i am {ACCOUNT}, pid 1 is "))
    assert int(said.rpartition(", ")[2].split()[0]) < 15
    assert "Permission denied" in trace
    assert "pytest" not in trace


def test_secrets_do_not_reach_the_trace(forge: RunningForge) -> None:
    forge.project(PROJECT).variables.create({"key": "CLE", "value": "tres-secret-42", "masked": True})
    pipeline = _pipeline(forge, {".gitlab-ci.yml": "tests:\n  script: ['echo $CLE ${#CI_JOB_TOKEN} $CI_JOB_TOKEN']\n"})
    trace = _trace(forge, _wait(pipeline)["tests"])
    assert "tres-secret-42" not in trace
    assert "glcbt-" not in trace
    assert trace.count("[MASKED]") == 2


def test_another_project_is_included_at_a_tag(forge: RunningForge) -> None:
    shared = forge.project("amcloud/modeles", visibility="internal")
    forge.commit("amcloud/modeles", {"t.yml": "tests:\n  script: [echo from v1]\n"})
    shared.tags.create({"tag_name": "v1", "ref": "main"})
    forge.commit("amcloud/modeles", {"t.yml": "tests:\n  script: [echo from later]\n"})
    include = "include: [{project: amcloud/modeles, ref: v1, file: t.yml}]\n"
    trace = _trace(forge, _wait(_pipeline(forge, {".gitlab-ci.yml": include}))["tests"])
    assert "from v1" in trace


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            "include: [{project: amcloud/absent, ref: v1, file: t.yml}]\n", "amcloud/absent", id="absent include"
        ),
        pytest.param("tests: {stage: nowhere, script: [x]}\n", "nowhere", id="unknown stage"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(forge: RunningForge, content: str, words: str) -> None:
    pipeline = _pipeline(forge, {".gitlab-ci.yml": content})
    assert _wait(pipeline) == {}
    assert pipeline.status == "failed"
    assert words in pipeline.yaml_errors


def test_a_canceled_pipeline_ends_at_once_with_all_its_processes(forge: RunningForge) -> None:
    pipeline = _pipeline(forge, {".gitlab-ci.yml": "tests:\n  script: [setsid sleep 98765 &, sleep 600]\n"})
    deadline = time.monotonic() + TIMEOUT_S
    while not _running("98765"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pipeline.cancel()
    while _running("98765"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert _wait(pipeline)["tests"].status == "canceled"


def _running(word: str) -> bool:
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if line.read_bytes() == f"sleep\0{word}\0".encode():
                return True
        except OSError:
            continue
    return False


def test_a_job_that_takes_too_long_is_ended(forge: RunningForge) -> None:
    pipeline = _pipeline(forge, {".gitlab-ci.yml": "tests:\n  timeout: 1 second\n  script: [sleep 87654]\n"})
    job = _wait(pipeline)["tests"]
    assert (job.status, job.failure_reason) == ("failed", "job_execution_timeout")
    assert not _running("87654")


def test_a_failed_job_is_tried_again_with_what_the_others_made(forge: RunningForge) -> None:
    forge.project(PROJECT).variables.create({"key": "FAIL", "value": "1"})
    pipeline = _pipeline(
        forge,
        {
            ".gitlab-ci.yml": """
stages: [one, two]
one: {stage: one, script: [date +%N > made], artifacts: {paths: [made]}}
two: {stage: two, script: [cat made, 'exit $FAIL']}
"""
        },
    )
    first = _wait(pipeline)
    assert first["two"].status == "failed"
    made = forge.project(PROJECT).jobs.get(first["one"].id).artifact("made").decode()
    forge.project(PROJECT).variables.update("FAIL", {"value": "0"})
    pipeline.retry()
    pipeline.refresh()
    again = _wait(pipeline)
    assert (pipeline.status, again["one"].id, again["two"].status) == ("success", first["one"].id, "success")
    assert made in _trace(forge, again["two"])


def test_a_runner_killed_outright_takes_its_jobs_with_it(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True) as place,
        running_forge(tmp_path) as other,
    ):
        Path(place).chmod(0o711)
        runner = _start(other, Path(place))
        _pipeline(other, {".gitlab-ci.yml": "tests:\n  script: [setsid sleep 76543 &, sleep 600]\n"})
        deadline = time.monotonic() + TIMEOUT_S
        while not _running("76543"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        runner.kill()
        runner.wait()
        deadline = time.monotonic() + 3
        while _running("76543"):
            assert time.monotonic() < deadline, "the job outlived its runner"
            time.sleep(0.05)
        again = _start(other, Path(place))
        pipeline = other.project(PROJECT).pipelines.list(get_all=True)[0]
        job = _wait(pipeline)["tests"]
        again.terminate()
        assert again.wait(timeout=30) == 0
        assert (job.status, job.failure_reason) == ("failed", "runner_system_failure")
