"""``amcloud doctor`` against a real API server, forge, registry and PostgreSQL: what is missing is found and named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from .conftest import GROUP, ROOT, Cluster, Operator, service_account_kubeconfig


def examine(
    operator: Operator,
    cluster: Cluster,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    kubeconfig: Path | None = None,
) -> tuple[int, dict[str, Any]]:
    """Exit status, and each finding by its check, as an administrator sees them, unless ``kubeconfig`` is another's."""
    kept = {name: value for name, value in (environment or operator.environment).items() if value}
    done = subprocess.run(
        [sys.executable, "-m", "amcloud", "doctor", "--output", "json", *arguments],
        env={**kept, "KUBECONFIG": str(kubeconfig or cluster.plane.kubeconfig)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["findings"]
    return done.returncode, {one["check"]: one for one in found}


@pytest.fixture(scope="module")
def found(operator: Operator, cluster: Cluster) -> dict[str, Any]:
    return examine(operator, cluster)[1]


@pytest.mark.parametrize(
    ("check", "state"),
    [
        ("version", "ok"),
        ("api-kinds", "ok"),
        ("clock", "ok"),
        ("crd-localapps", "ok"),
        ("crd-organisations", "ok"),
        ("rights-missing", "ok"),
        ("rights-excess", "ok"),
        ("settings", "ok"),
        ("settings-https", "warning"),
        ("norm-pack", "ok"),
        ("advisories", "ok"),
        ("organisations", "ok"),
        ("service-forge", "ok"),
        ("service-registry", "ok"),
        ("service-database", "ok"),
        ("api-servicemonitor", "warning"),
        ("backups", "warning"),
    ],
)
def test_a_running_installation_is_told_as_it_is(found: dict[str, Any], check: str, state: str) -> None:
    assert found[check]["state"] == state, found[check]


def test_no_answer_holds_a_secret(found: dict[str, Any], operator: Operator) -> None:
    said = json.dumps(found)
    for name in ("AMCLOUD_FORGE_TOKEN", "AMCLOUD_WEBHOOK_TOKEN", "AMCLOUD_DATABASE_URL"):
        assert operator.environment[name] not in said


@pytest.fixture
def without_a_right(cluster: Cluster) -> Iterator[None]:
    """The operator lacks its binding for a moment."""
    name = "clusterrolebinding/amcloud-operator"
    assert cluster.kubectl("delete", name).returncode == 0
    yield
    path = ROOT / "deploy" / "base" / "rbac-operator.yaml"
    assert cluster.kubectl("apply", "-f", str(path)).returncode == 0


def test_rights_that_are_missing_are_named(operator: Operator, cluster: Cluster, without_a_right: None) -> None:
    status, found = examine(operator, cluster, "--only", "rights")
    assert status == 1
    assert found["rights-missing"]["state"] == "error"
    assert "create namespaces" in found["rights-missing"]["message"]
    assert "kubectl apply -k" in found["rights-missing"]["remedy"]


def test_a_wrong_token_and_a_registry_that_is_down_are_told_apart(operator: Operator, cluster: Cluster) -> None:
    wrong = {**operator.environment, "AMCLOUD_FORGE_TOKEN": "faux", "AMCLOUD_REGISTRY_URL": "http://127.0.0.1:9"}
    status, found = examine(operator, cluster, "--only", "services", environment=wrong)
    assert status == 1
    assert "refuse l'accès" in found["service-forge"]["message"]
    assert "ne répond pas" in found["service-registry"]["message"]
    assert found["service-database"]["state"] == "ok"


def test_settings_are_read_in_the_cluster_where_they_are_not_here(
    operator: Operator, cluster: Cluster, tmp_path: Path
) -> None:
    bare = {"PATH": operator.environment["PATH"], "HOME": str(tmp_path)}
    status, found = examine(operator, cluster, "--only", "settings", "-n", "cpam-bas-rhin", environment=bare)
    assert (status, found["settings"]["state"]) == (1, "error")
    place = {"name": "amcloud-settings", "namespace": "cpam-bas-rhin"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place,
         "data": {"AMCLOUD_DOMAIN": "amcloud.test", "AMCLOUD_WORKERS": "peu"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": place,
         "stringData": {"AMCLOUD_FORGE_TOKEN": "jeton"}},
    )  # fmt: skip
    _, found = examine(operator, cluster, "--only", "settings", "-n", "cpam-bas-rhin", environment=bare)
    said = found["settings"]["message"]
    assert "AMCLOUD_WORKERS doit être un nombre" in said and "AMCLOUD_DOMAIN" not in said and "FORGE_TOKEN" not in said


def test_whoever_operates_may_run_it_and_is_told_what_needs_the_operator_s_pod(
    operator: Operator, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "camille", "namespace": "amcloud-system"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "camille"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "amcloud-exploitant"},
         "subjects": [{"kind": "ServiceAccount", "name": "camille", "namespace": "amcloud-system"}]},
    )  # fmt: skip
    path = service_account_kubeconfig(cluster, tmp_path, account="camille")
    bare = {"PATH": operator.environment["PATH"], "HOME": str(tmp_path)}
    status, found = examine(operator, cluster, environment=bare, kubeconfig=path)
    assert status in {1, 2}  # nothing of deploy/ runs here: the operator itself is missing
    assert found["settings"]["state"] == "unknown"
    assert "dans le pod de l'opérateur" in found["settings"]["remedy"]
    for check in ("version", "crd-localapps", "rights-missing", "norm-pack", "organisations"):
        assert found[check]["state"] == "ok", found[check]


def test_a_namespace_of_nobody_is_found(operator: Operator, cluster: Cluster) -> None:
    lost = {"name": "perdu", "labels": {f"{GROUP}/organisation": "999"}}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": lost})
    try:
        _, found = examine(operator, cluster, "--only", "organisations")
        assert found["organisation-namespace"]["state"] == "error"
        assert "perdu" in found["organisation-namespace"]["message"]
    finally:
        cluster.kubectl("delete", "namespace", "perdu", "--wait=false")
