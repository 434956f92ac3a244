"""The overlay with backups: kubectl 1.20 reads it, the server takes it, its pod is restricted and sees the dumps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud.clients import rebuilding
from amcloud.clients.connection import from_kubeconfig
from amcloud.clients.kubernetes_api import Api

from .conftest import ROOT, Cluster, service_account_kubeconfig


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    done = cluster.kubectl("kustomize", str(ROOT / "deploy" / "backups-1.20"))
    assert done.returncode == 0, done.stderr
    found = [document for document in yaml.safe_load_all(done.stdout) if document]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_the_server_takes_it(cluster: Cluster) -> None:
    done = cluster.kubectl("apply", "-k", str(ROOT / "deploy" / "backups-1.20"))
    assert done.returncode == 0, done.stderr
    assert "cronjob.batch/amcloud-backups" in done.stdout


def test_a_current_cluster_gets_the_current_version(cluster: Cluster) -> None:
    done = cluster.kubectl("kustomize", str(ROOT / "deploy" / "backups"))
    (job,) = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "CronJob"]
    assert job["apiVersion"] == "batch/v1"


def test_the_backup_s_pod_is_restricted_and_may_only_read(
    built: dict[tuple[str, str], dict[str, Any]],
) -> None:
    found = built["CronJob", "amcloud-backups"]
    assert found["apiVersion"] == "batch/v1beta1"
    pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "amcloud-backups"
    (role,) = [one for (kind, name), one in built.items() if kind == "ClusterRole" and name == "amcloud-backups"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = found["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    policy = built["NetworkPolicy", "amcloud-backups"]["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()


def test_the_operator_reads_the_same_volume_and_cannot_change_it(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    pod = built["Deployment", "amcloud-operator"]["spec"]["template"]["spec"]
    (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "sauvegardes"]
    assert mount == {"name": "sauvegardes", "mountPath": "/sauvegardes", "readOnly": True}
    assert {"name": "tmp", "mountPath": "/tmp"} in pod["containers"][0]["volumeMounts"]
    claims = [v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v]
    assert claims == ["amcloud-backups"] == [name for kind, name in built if kind == "PersistentVolumeClaim"]


def test_every_kind_that_is_kept_may_be_read(
    cluster: Cluster, built: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    """The archive is made with the rights of deploy/backups alone; a kind that comes later is not forgotten."""
    path = service_account_kubeconfig(cluster, tmp_path, account="amcloud-backups")
    found = rebuilding.taken(Api(from_kubeconfig(path)), "amcloud-system", datetime.now(UTC))
    kinds = {one["kind"] for one in found.objects}
    assert {"Namespace", "Organisation", "NormPack"} <= kinds
    assert "Command" not in kinds
