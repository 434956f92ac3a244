"""``executor: kubernetes`` on real nodes: the facts and verdict of worker processes, whatever happens to the Jobs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from amcloud import assets
from amcloud.clients import connection
from amcloud.clients.job_checks import OF_CHECKS, JobChecks
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.process_checks import ProcessChecks
from amcloud.clients.source import GitSource
from amcloud.errors import RepositoryRefusedError
from amcloud.ports import UnderWay
from amcloud.settings import Settings
from amcloud.stages.jobs import checking
from amcloud.stages.jobs.checking import Subject
from amcloud_sandbox import apps
from amcloud_sandbox.demo import install, projects
from amcloud_sandbox.layout import Layout
from psram.facts import Facts
from psram.model import Limits, Php

from .conftest import Ground

SYSTEM, APP, ENGINE = install.NAMESPACE, "suivi-courriers", "e2e/8.2"
NAME = "courriers-en-jobs"
CHECK_S = 120.0
SLOW_FILES = 3000


def reader(ground: Ground, **settings: Any) -> JobChecks:
    """The operator's own reader, with the administrator's rights and another engine's name: Jobs apart from its own."""
    chosen = Settings(
        domain="-", url_scheme="http", url_port="", forge_url=ground.where.forge_url, forge_token="-",
        registry_url="-", registry_name="-", database_url="-", reports_url="-", oidc_issuer="-", webhook_token="-",
        check_image=ground.image, **settings,
    )  # fmt: skip
    api = Api(connection.from_kubeconfig(Layout().kubeconfig))
    return JobChecks(api, chosen, assets.check_templates(), engine=ENGINE, now=lambda: datetime.now(UTC))


def in_processes(ground: Ground, subject: Subject) -> Facts:
    source = GitSource(ground.where.forge_url, ground.work / "git")
    found = ProcessChecks(source, php=Php(), limits=Limits(), processes=1, patience_s=CHECK_S).facts(subject)
    assert isinstance(found, Facts)
    return found


def settled(checks: JobChecks, subject: Subject, *, meanwhile: Callable[[], None] = lambda: None) -> Facts:
    deadline = time.monotonic() + CHECK_S
    while isinstance(found := checks.facts(subject), UnderWay):
        assert time.monotonic() < deadline, found
        meanwhile()
        time.sleep(0.2)
    return found


def pushed(ground: Ground, name: str, write: Callable[[Path], object]) -> Subject:
    """A commit of a private project; read with its organisation's own token."""
    path = f"cpam-bas-rhin/{name}"
    project = projects.ensure_project(ground.where, path, hook_url=ground.scene.hook_url)
    token = projects.reading_token(projects.let_in(ground.where, project, "cpam-bas-rhin"))
    done = projects.push_content(ground.where, path, ground.work / name, write, "exemple")
    return Subject(path, done.commit, token, f"cpam-bas-rhin/{name}")


def pods(ground: Ground, subject: Subject) -> list[str]:
    found = ground.where.kubectl.json("get", "pods", "-n", SYSTEM, "-l", OF_CHECKS)["items"]
    mine = [pod for pod in found if f"--commit={subject.commit}" in pod["spec"]["containers"][0]["args"]]
    return [pod["metadata"]["name"] for pod in mine if pod["status"]["phase"] == "Running"]


def slow(folder: Path) -> None:
    """Enough files for a check to take seconds."""
    for number in range(SLOW_FILES):
        code = "".join(
            f"    public function f{i}(): int\n    {{\n        return {number} + {i};\n    }}\n" for i in range(60)
        )
        file = folder / "src" / f"C{number}.php"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"<?php\n\ndeclare(strict_types=1);\n\nnamespace App;\n\nclass C{number}\n{{\n{code}}}\n")


def test_a_job_finds_the_facts_that_a_worker_process_finds_and_leaves_nothing(ground: Ground) -> None:
    subject = pushed(ground, "faits-exemple", lambda folder: apps.write(APP, "r1", folder))
    found = settled(reader(ground), subject)
    assert found.tree and found.files and found.syntax is not None
    assert found == in_processes(ground, subject)
    assert _gone_soon(ground, checking.check_id(subject.project, subject.commit, ENGINE))


def _gone_soon(ground: Ground, check: str) -> bool:
    """Whether neither the Job nor, once the garbage collector has passed, its Secret is left."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        labels = f"{OF_CHECKS},{checking.CHECK}={check}"
        if not ground.where.kubectl("get", "jobs,secrets,pods", "-n", SYSTEM, "-l", labels, "-o", "name").split():
            return True
        time.sleep(0.5)
    return False


def test_a_job_that_is_killed_is_tried_again_and_its_facts_come(ground: Ground) -> None:
    subject, killed = pushed(ground, "lente-exemple", slow), []

    def kill_once() -> None:
        if not killed and (running := pods(ground, subject)):
            ground.where.kubectl("delete", "pod", running[0], "-n", SYSTEM, "--wait=false")
            killed.append(running[0])

    checks = reader(ground)
    found = settled(checks, subject, meanwhile=kill_once)
    assert killed, "the check was over before it could be killed"
    assert found.tree and len(found.files) == SLOW_FILES


def test_a_job_that_dies_each_time_is_undecided_with_a_reason_and_no_longer_tried(ground: Ground) -> None:
    subject = pushed(ground, "lente-exemple", lambda folder: (slow(folder), (folder / "autre").write_text("x")))
    killed: set[int] = set()

    def kill() -> None:
        """As the kernel does when memory is short: a pod that is deleted would be made again by its Job."""
        for process in _processes(f"--commit={subject.commit}") - killed:
            os.kill(process, signal.SIGKILL)
            killed.add(process)

    checks = reader(ground)
    found = settled(checks, subject, meanwhile=kill)
    assert found.tree == ""
    assert "interrompu" in found.truncated and "3 essais" in found.truncated
    again = checks.facts(subject)
    assert isinstance(again, Facts) and again.truncated
    assert len(killed) == 3


def _processes(argument: str) -> set[int]:
    """Processes of this machine's containers that were started with that argument."""
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found


def test_content_that_exhausts_the_reader_is_undecided_with_a_reason(ground: Ground) -> None:
    def hostile(folder: Path) -> None:
        (folder / "src").mkdir()
        (folder / "a.yaml").write_text("[" * 900_000, encoding="utf-8")
        for number in range(40):
            (folder / "src" / f"{number}.php").write_text("<?php " + f"$a{number} = " + "(" * 400_000 + "1", "utf-8")

    subject = pushed(ground, "hostile-exemple", hostile)
    found = settled(reader(ground), subject)
    expected = in_processes(ground, subject)
    assert bool(found.truncated) == bool(expected.truncated)
    assert found == expected or found.truncated


def test_a_project_that_the_token_does_not_open_is_refused_as_without_jobs(ground: Ground) -> None:
    subject = pushed(ground, "faits-exemple", lambda folder: (folder / "a").write_text("x"))
    closed = dataclasses.replace(subject, token="glpat-perime")
    with pytest.raises(RepositoryRefusedError, match="jeton"):
        settled(reader(ground), closed)
