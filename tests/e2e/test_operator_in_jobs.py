"""The operator with ``executor: kubernetes``: what it judges by Jobs is hosted; its report is made again offline."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from amcloud.clients.job_checks import OF_CHECKS
from amcloud.settings import Executor
from amcloud_sandbox.demo import auditor, install
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform

from .conftest import Ground

SYSTEM = install.NAMESPACE
NAME = "courriers-en-jobs"


@pytest.fixture
def in_jobs(ground: Ground) -> Iterator[Ground]:
    """The operator itself has its checks made as Jobs, for the time of a test."""
    narrator = Narrator()
    install.prepare(ground.where, narrator, image=ground.image, extra={"AMCLOUD_EXECUTOR": Executor.KUBERNETES})
    restart(ground.where)
    yield ground
    install.prepare(ground.where, narrator, image=ground.image)
    restart(ground.where)


def restart(where: Platform) -> None:
    """The operator reads its settings anew."""
    where.kubectl("rollout", "restart", f"deploy/{install.OPERATOR}", "-n", SYSTEM)
    where.kubectl("rollout", "status", f"deploy/{install.OPERATOR}", "-n", SYSTEM, "--timeout=120s")


def test_an_application_is_judged_and_hosted_with_checks_as_jobs_and_its_report_is_made_again_offline(
    in_jobs: Ground,
) -> None:
    ground, scene, started, stop = in_jobs, in_jobs.scene, set[str](), threading.Event()

    def watch() -> None:
        while not stop.wait(0.3):
            found = ground.where.kubectl.json("get", "jobs", "-n", SYSTEM, "-l", OF_CHECKS)["items"]
            started.update(job["metadata"]["annotations"]["amcloud.cnamts.fr/owner"] for job in found)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with ground.application(NAME) as cast:
        status = scene.wait_for_verdict(cast)
        assert status.status == "success", status.description
        scene.wait_until_serving(cast)
        stop.set()
        watching.join()
        assert f"{cast.namespace}/{NAME}" in started
        scene.casts[auditor.APP] = cast
        auditor.recomputes_the_report(scene)
        del scene.casts[auditor.APP]
