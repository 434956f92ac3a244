"""The overlay with backups: kubectl 1.20 reads it, the server takes it, its pod is restricted and sees the dumps."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from .conftest import ROOT, Cluster


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


def test_the_backup_s_pod_is_restricted_and_has_no_right_in_the_cluster(
    built: dict[tuple[str, str], dict[str, Any]],
) -> None:
    found = built["CronJob", "amcloud-backups"]
    assert found["apiVersion"] == "batch/v1beta1"
    pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
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
