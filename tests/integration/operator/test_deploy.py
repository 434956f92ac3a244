"""What installs the operator: kubectl 1.20 reads it, the server takes it, and the rights are the least."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud.doctor import configuration
from amcloud.settings import Settings

from .conftest import ROOT, Cluster

EXAMPLE = ROOT / "deploy" / "overlays" / "exemple"


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> list[dict[str, Any]]:
    done = cluster.kubectl("kustomize", str(EXAMPLE))
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def test_the_example_overlay_is_accepted_whole_and_twice(cluster: Cluster) -> None:
    for _ in range(2):
        done = cluster.kubectl("apply", "-k", str(EXAMPLE))
        assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout and "created" not in done.stdout


def test_no_right_is_a_wildcard(built: list[dict[str, Any]]) -> None:
    roles = [document for document in built if document["kind"] in {"ClusterRole", "Role"}]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]


def test_every_pod_is_restricted(built: list[dict[str, Any]]) -> None:
    pods = [document["spec"]["template"]["spec"] for document in built if document["kind"] == "Deployment"]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]) == {"requests", "limits"}
            assert {"livenessProbe", "readinessProbe"} <= set(container)


def test_the_example_narrows_the_network_and_names_all_that_rules_need(built: list[dict[str, Any]]) -> None:
    (said,) = (one["data"] for one in built if one["kind"] == "ConfigMap")
    environment = {**said, **dict.fromkeys(("AMCLOUD_FORGE_TOKEN", "AMCLOUD_WEBHOOK_TOKEN"), "x" * 32)}
    environment["AMCLOUD_DATABASE_URL"] = "postgresql://amcloud@postgres.example/amcloud"
    told = {one.check for one in configuration.doubts(Settings.from_environment(environment))}
    assert told == {"settings-provenance"}, "the only one that the example leaves empty, and says so"
    policies = {one["metadata"]["name"]: one["spec"] for one in built if one["kind"] == "NetworkPolicy"}
    for name, spec in policies.items():
        for rule in spec.get("egress", []):
            assert rule.get("to") and rule.get("ports"), name
        for rule in spec.get("ingress", []):
            assert rule.get("from") and rule.get("ports"), name
    assert set(policies) == {"default-deny", "amcloud-operator", "amcloud-reports"}


def test_the_operator_is_alone(built: list[dict[str, Any]]) -> None:
    operator = next(d for d in built if d["kind"] == "Deployment" and d["metadata"]["name"] == "amcloud-operator")
    assert operator["spec"]["replicas"] == 1
    assert operator["spec"]["strategy"] == {"type": "Recreate"}


def may(cluster: Cluster, asked: str, *who: str) -> bool:
    """Whether somebody may do ``verb resource/subresource`` anywhere."""
    verb, resource = asked.split()
    resource, _, subresource = resource.partition("/")
    done = cluster.kubectl("auth", "can-i", verb, resource, f"--subresource={subresource}", "-A", *who)
    return done.stdout.strip() == "yes"


GROUPS = ("developpeurs", "exploitants", "auditeurs", "dc2r")


@pytest.mark.parametrize(
    ("who", "asked", "allowed"),
    [
        *((f"amcloud:{group}", "get localapps", True) for group in GROUPS),
        *((f"amcloud:{group}", "list conformancereports", True) for group in GROUPS),
        ("amcloud:exploitants", "create localapps", True),
        ("amcloud:exploitants", "patch normpacks", True),
        ("amcloud:exploitants", "create secrets", False),
        ("amcloud:exploitants", "get secrets", False),
        *((f"amcloud:{group}", "create conformancereports", False) for group in GROUPS),
        *((f"amcloud:{group}", "patch localapps/status", False) for group in GROUPS),
        ("amcloud:developpeurs", "create localapps", False),
        ("amcloud:auditeurs", "patch localapps", False),
        ("amcloud:dc2r", "get secrets", False),
        # amcloud doctor and amcloud cost --use, with no way into the operator's own account
        ("amcloud:exploitants", "create subjectaccessreviews.authorization.k8s.io", True),
        ("amcloud:exploitants", "create pods/exec", False),
        ("amcloud:exploitants", "create clusterrolebindings", False),
        ("amcloud:exploitants", "impersonate users", False),
        *((f"amcloud:{group}", "list organisations", True) for group in GROUPS),
        *((f"amcloud:{group}", "delete conformancereports", False) for group in GROUPS),
        *((f"amcloud:{group}", "create normpacks", group == "exploitants") for group in GROUPS),
        *((f"amcloud:{group}", "create suspensions", group == "exploitants") for group in GROUPS),
        *((f"amcloud:{group}", "create acceptancereports", group == "dc2r") for group in GROUPS),
        *((f"amcloud:{group}", "list acceptancereports", True) for group in GROUPS),
        *((f"amcloud:{group}", f"{verb} acceptancereports", False) for group in GROUPS for verb in ("patch", "delete")),
    ],
)
def test_a_person_may_do_what_the_role_says(cluster: Cluster, who: str, asked: str, allowed: bool) -> None:
    assert may(cluster, asked, "--as", "camille", "--as-group", who) is allowed


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("patch localapps.amcloud.cnamts.fr/status", True),
        ("create conformancereports.amcloud.cnamts.fr", True),
        ("patch conformancereports.amcloud.cnamts.fr", False),
        ("delete localapps.amcloud.cnamts.fr", False),
        ("patch organisations.amcloud.cnamts.fr", False),
        ("create clusterrolebindings.rbac.authorization.k8s.io", False),
        ("create pods", False),
        ("create pods/exec", False),
        ("patch nodes", False),
    ],
)
def test_the_operator_may_do_its_work_and_no_more(cluster: Cluster, asked: str, allowed: bool) -> None:
    assert may(cluster, asked, "--as", "system:serviceaccount:amcloud-system:amcloud-operator") is allowed


def test_the_manifests_use_no_field_that_old_kustomize_does_not_know() -> None:
    for path in Path(ROOT / "deploy").rglob("kustomization.yaml"):
        known = {"apiVersion", "kind", "resources", "bases", "namespace", "images", "generatorOptions"}
        known |= {"configMapGenerator", "secretGenerator", "patchesJson6902", "patchesStrategicMerge"}
        known |= {"configurations", "vars"}
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= known
