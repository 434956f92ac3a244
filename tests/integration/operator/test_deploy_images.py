"""The overlay that prunes the registry: kubectl 1.20 reads it, the server takes it, its account may only read."""

from __future__ import annotations

import pytest

from .conftest import ROOT, Cluster

ACCOUNT = "--as=system:serviceaccount:amcloud-system:amcloud-images"


@pytest.fixture(scope="module", autouse=True)
def applied(cluster: Cluster) -> None:
    done = cluster.kubectl("apply", "-k", str(ROOT / "deploy" / "images-1.20"))
    assert done.returncode == 0, done.stderr
    assert "cronjob.batch/amcloud-images" in done.stdout


@pytest.mark.parametrize(
    ("verb", "resource", "answer"),
    [
        *(("list", each, "yes") for each in (
            "localapps.amcloud.cnamts.fr", "pods", "configmaps", "deployments.apps", "replicasets.apps", "jobs.batch",
            "cronjobs.batch",
        )),
        ("list", "secrets", "no"),
        ("get", "pods/log", "no"),
        ("patch", "localapps.amcloud.cnamts.fr", "no"),
        ("delete", "pods", "no"),
    ],
)  # fmt: skip
def test_the_account_reads_what_may_name_an_image(cluster: Cluster, verb: str, resource: str, answer: str) -> None:
    assert cluster.kubectl("auth", "can-i", verb, resource, "-A", ACCOUNT).stdout.strip() == answer
