"""Checks as Jobs, with the operator's own rights, on a real API server. No node: what a pod would do is told by hand.

That a pod reads a commit and hands its facts back is shown on a cluster with nodes: tests/e2e/test_checks_as_jobs.py.
"""

from __future__ import annotations

import base64
import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from patience import until

from amcloud import assets
from amcloud.clients import connection
from amcloud.clients.job_checks import OF_CHECKS, JobChecks
from amcloud.clients.kubernetes_api import Api
from amcloud.errors import BrokenInstallationError
from amcloud.ports import UnderWay
from amcloud.settings import Settings
from amcloud.stages.jobs.checking import ATTEMPTS_MOST, Subject
from psram.facts import Facts

from .conftest import Cluster, service_account_kubeconfig

SYSTEM = "amcloud-system"
SETTINGS = Settings(
    domain="amcloud.localhost", url_scheme="http", url_port="", forge_url="http://198.18.0.1:8929", forge_token="-",
    registry_url="http://127.0.0.1:1", registry_name="localhost:5000", database_url="-", reports_url="-",
    oidc_issuer="-", webhook_token="-", check_image="localhost:5000/amcloud/operator@sha256:" + "0" * 64, check_jobs=2,
)  # fmt: skip


@pytest.fixture
def checks(cluster: Cluster, tmp_path: Path) -> Iterator[JobChecks]:
    """The operator's reader, without leftovers of another test."""
    yield reader(cluster, tmp_path)
    for job in jobs(cluster):
        cluster.batch.delete_namespaced_job(job.metadata.name, SYSTEM, propagation_policy="Background")
    until("neither a Job nor its Secret is left", lambda: not jobs(cluster) and not secrets(cluster))


def reader(cluster: Cluster, folder: Path, **settings: Any) -> JobChecks:
    api = Api(connection.from_kubeconfig(service_account_kubeconfig(cluster, folder)))
    chosen = dataclasses.replace(SETTINGS, **settings)
    return JobChecks(api, chosen, assets.check_templates(), engine="1/8.2", now=lambda: datetime.now(UTC))


def subject(letter: str = "a", token: str | None = "glpat-exemple") -> Subject:
    return Subject("cpam-bas-rhin/suivi", letter * 40, token, "cpam-bas-rhin/suivi-courriers")


def jobs(cluster: Cluster) -> list[Any]:
    return list(cluster.batch.list_namespaced_job(SYSTEM, label_selector=OF_CHECKS).items)


def secrets(cluster: Cluster) -> dict[str, Any]:
    found = cluster.core.list_namespaced_secret(SYSTEM, label_selector=OF_CHECKS).items
    return {one.metadata.name: one for one in found}


def end(cluster: Cluster, name: str, kind: str, reason: str) -> None:
    """The Job is said to have ended, once its controller has made its pod: it would write over it before."""
    until("the Job's pod", lambda: cluster.batch.read_namespaced_job_status(name, SYSTEM).status.active)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now, "lastProbeTime": now}
    status = {"status": {"conditions": [condition], "startTime": now}}
    cluster.batch.patch_namespaced_job_status(name, SYSTEM, status)


def test_a_check_is_one_job_with_its_secret_and_policy_and_a_restarted_operator_finds_it_again(
    checks: JobChecks, cluster: Cluster, tmp_path: Path
) -> None:
    assert isinstance(checks.facts(subject()), UnderWay)
    (job,) = jobs(cluster)
    assert job.metadata.annotations["amcloud.cnamts.fr/owner"] == "cpam-bas-rhin/suivi-courriers"
    secret = secrets(cluster)[job.metadata.name]
    assert base64.b64decode(secret.data["token"]) == b"glpat-exemple"
    assert secret.metadata.owner_references[0].uid == job.metadata.uid
    done = cluster.kubectl("get", "networkpolicy", "amcloud-check", "-n", SYSTEM, "-o", "jsonpath={.spec.egress}")
    assert "198.18.0.1/32" in done.stdout and "8929" in done.stdout
    restarted = reader(cluster, tmp_path)
    assert isinstance(restarted.facts(subject()), UnderWay)
    assert [one.metadata.uid for one in jobs(cluster)] == [job.metadata.uid]


def test_a_token_that_was_lost_on_the_way_is_given_again(checks: JobChecks, cluster: Cluster) -> None:
    checks.facts(subject())
    (name,) = secrets(cluster)
    cluster.core.delete_namespaced_secret(name, SYSTEM)
    checks.facts(subject())
    assert set(secrets(cluster)) == {name}


def test_a_public_project_needs_no_secret(checks: JobChecks, cluster: Cluster) -> None:
    checks.facts(subject(token=None))
    assert len(jobs(cluster)) == 1
    assert secrets(cluster) == {}


def test_attempts_that_fail_are_bounded_and_the_last_reason_is_told(checks: JobChecks, cluster: Cluster) -> None:
    for _ in range(ATTEMPTS_MOST):
        assert isinstance(checks.facts(subject()), UnderWay)
        (active,) = [one for one in jobs(cluster) if not one.status.conditions]
        end(cluster, active.metadata.name, "Failed", "DeadlineExceeded")
    found = checks.facts(subject())
    assert isinstance(found, Facts)
    assert (found.commit, found.tree) == ("a" * 40, "")
    assert "temps imparti" in found.truncated
    assert isinstance(checks.facts(subject()), Facts)
    assert len(jobs(cluster)) == ATTEMPTS_MOST


def test_a_job_that_ended_well_and_left_no_journal_is_tried_again(checks: JobChecks, cluster: Cluster) -> None:
    checks.facts(subject())
    (first,) = jobs(cluster)
    end(cluster, first.metadata.name, "Complete", "")
    expected, deadline = [first.metadata.name, first.metadata.name[:-1] + "2"], time.monotonic() + 20
    while sorted(one.metadata.name for one in jobs(cluster)) != expected:  # the server tells what it knows in its time
        assert time.monotonic() < deadline, sorted(one.metadata.name for one in jobs(cluster))
        assert isinstance(checks.facts(subject()), UnderWay)


def test_more_checks_than_the_bound_wait_for_their_turn(checks: JobChecks, cluster: Cluster) -> None:
    for letter in "ab":
        checks.facts(subject(letter))
    found = checks.facts(subject("c"))
    assert isinstance(found, UnderWay) and "attend son tour" in found.sentence
    assert len(jobs(cluster)) == 2


def test_without_knowing_its_own_image_the_operator_says_what_is_missing(
    checks: JobChecks, cluster: Cluster, tmp_path: Path
) -> None:
    with pytest.raises(BrokenInstallationError, match="AMCLOUD_POD"):
        reader(cluster, tmp_path, check_image="").facts(subject())


def test_the_check_s_account_may_do_nothing(cluster: Cluster) -> None:
    account = f"system:serviceaccount:{SYSTEM}:amcloud-check"
    for verb, what in (("get", "secrets"), ("list", "pods"), ("get", "localapps.amcloud.cnamts.fr")):
        asked = cluster.kubectl("auth", "can-i", verb, what, "-n", SYSTEM, f"--as={account}")
        assert asked.stdout.strip() == "no", what


def test_the_operator_reads_journals_for_those_who_may_not_and_enters_no_pod(cluster: Cluster) -> None:
    account = f"--as=system:serviceaccount:{SYSTEM}:amcloud-operator"
    for namespace in (SYSTEM, "default"):
        for verb, subresource, answer in (("get", "log", "yes"), ("create", "exec", "no"), ("create", "attach", "no")):
            asked = cluster.kubectl(
                "auth", "can-i", verb, "pods", f"--subresource={subresource}", "-n", namespace, account
            )
            assert asked.stdout.strip() == answer, subresource
