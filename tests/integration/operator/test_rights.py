"""The operator's rights are those that it uses: an application lives its life, and the server's audit log is compared.

Both directions: nothing is asked that is refused, and nothing is granted that is not used, but for the exceptions
below, each with its reason.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import yaml
from patience import until

from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import RegistryServer

from .conftest import (
    GROUP,
    GROUP_PATH,
    NAMESPACE,
    ROOT,
    Cluster,
    Operator,
    finish,
    local_app,
    project,
    push_image,
)
from .test_operator import sample

NAME, INSTANCE = "droits", "droits-acceptance"
ANSWER = "jsonpath={.status.reason}"
ACCOUNT = "system:serviceaccount:amcloud-system:amcloud-operator"
Right = tuple[str, str, str]
"""Verb, API group, resource with its subresource."""

EXECUTOR: Final = "with AMCLOUD_EXECUTOR=kubernetes (test_job_checks.py)"
PRUNED: Final = "a template that no longer makes this kind: nothing of ours is left behind by an upgrade"
MONITORING: Final = "where the cluster has Prometheus' kinds, which this API server has not"
NO_POD: Final = "needs pods, which no node runs here (tests/e2e)"
CONNECTED: Final = "an application that calls national services (test_connectors.py)"
DOCTOR: Final = "amcloud doctor, in the operator's pod"
TWICE: Final = "an event that is said again is counted, not repeated"
EXCEPTIONS: Final[Mapping[str, str]] = {
    **{f"{verb} monitoring.coreos.com/{kind}": MONITORING
       for verb in ("get", "create", "patch", "delete") for kind in ("servicemonitors", "prometheusrules")},
    **{f"delete {kind}": PRUNED for kind in (
        "/configmaps", "/services", "/serviceaccounts", "/resourcequotas", "/limitranges", "apps/deployments",
        "networking.k8s.io/ingresses", "networking.k8s.io/networkpolicies", "policy/poddisruptionbudgets",
        "rbac.authorization.k8s.io/rolebindings",
    )},
    "get amcloud.cnamts.fr/connectors": CONNECTED,
    "list amcloud.cnamts.fr/connectors": CONNECTED,
    "delete /secrets": NO_POD,
    "delete batch/jobs": EXECUTOR,
    "get /pods": EXECUTOR,
    "get /pods/log": NO_POD,
    "list /events": NO_POD,
    "patch /events": TWICE,
    "delete amcloud.cnamts.fr/commands": "requests that were answered long ago are removed",
    "get apiextensions.k8s.io/customresourcedefinitions": DOCTOR,
}  # fmt: skip
"""Rights that this test does not see used, as ``verb group/resource``, and why they are granted."""


def granted() -> set[Right]:
    """What ``deploy/`` gives to the operator's account."""
    text = (ROOT / "deploy" / "base" / "rbac-operator.yaml").read_text(encoding="utf-8")
    roles = [one for one in yaml.safe_load_all(text) if one["kind"] in {"ClusterRole", "Role"}]
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(cluster: Cluster, since: datetime) -> list[dict[str, Any]]:
    """Every request of the operator on resources since then; another test may take rights away for a moment."""
    lines = cluster.plane.audit_log.read_text(encoding="utf-8").splitlines()
    events = (json.loads(line) for line in lines if line.endswith("}"))
    ours = [one for one in events if one["user"]["username"] == ACCOUNT and "objectRef" in one]
    return [one for one in ours if datetime.fromisoformat(one["requestReceivedTimestamp"]) >= since]


def used(event: Mapping[str, Any]) -> set[Right]:
    """The rights that one request needed; server-side apply of what is absent needs ``create`` too."""
    about = event["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    verbs = {
        event["verb"],
        *(["create"] if event["verb"] == "patch" and event["responseStatus"]["code"] == 201 else []),
    }
    return {(verb, about.get("apiGroup", ""), resource) for verb in verbs}


@pytest.fixture(scope="module")
def lived(cluster: Cluster, forge: RunningForge, operator: Operator, registry: RegistryServer) -> list[dict[str, Any]]:
    """An application is built, provisioned, changed by hand, made smaller, asked for its journal, and deleted."""
    operator.stop()
    since = datetime.now(UTC)
    operator.start()  # the watches of a start are part of its life
    place = {"name": "forge-token", "namespace": NAMESPACE}
    token = {"token": forge.user("organisation")}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": place, "stringData": token})
    project(forge, operator, NAME)
    commit = sample(forge, NAME)
    schedules = [{"name": "relances", "schedule": "0 6 * * 1-5", "command": ["bin/console", "app:relances"]}]
    cluster.apply(local_app(NAME, hosting={"schedules": schedules, "secrets": ["smtp"]}))
    cluster.wait_reason(NAME, "Building")
    push_image(registry, f"{GROUP_PATH}/{NAME}", commit)
    finish(forge, NAME, commit)
    cluster.wait_reason(NAME, "SecretMissing")
    secret = {"name": "smtp", "namespace": INSTANCE}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"SMTP": "exemple"}})
    nudge(cluster)
    job = until("the migration", lambda: cluster.batch.list_namespaced_job(INSTANCE).items)[0]
    complete(cluster, job.metadata.name)
    deployment = until("the Deployment", lambda: cluster.apps.list_namespaced_deployment(INSTANCE).items)[0]

    drifted = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "pirate:1"}]}}}}
    cluster.apps.patch_namespaced_deployment(deployment.metadata.name, INSTANCE, drifted)
    until("drift put back", lambda: "DriftRestored" in cluster.kubectl("get", "events", "-n", NAMESPACE).stdout)

    ask = {"apiVersion": f"{GROUP}/v1", "kind": "Command", "metadata": {"name": "journal", "namespace": NAMESPACE},
           "spec": {"app": NAME, "stage": "acceptance", "requestedBy": "camille", "logs": {"lines": 10}}}  # fmt: skip
    cluster.apply(ask)
    until("the answer", lambda: cluster.kubectl("get", "lcmd", "journal", "-n", NAMESPACE, "-o", ANSWER).stdout)
    cluster.apply(local_app(NAME, hosting={"secrets": ["smtp"], "replicas": {"min": 2, "max": 2}}))
    gone = ("cronjobs", "horizontalpodautoscalers")
    until("what is not asked for to go", lambda: not objects(cluster, *gone))
    cluster.custom.delete_namespaced_custom_object(GROUP, "v1", NAMESPACE, "localapps", NAME)
    until("the end", lambda: cluster.local_app(NAME) is None)
    operator.stop()  # a watch is told when it ends
    operator.start()
    return asked(cluster, since)


def nudge(cluster: Cluster) -> None:
    """A pass is wanted now."""
    asked_at = {"metadata": {"annotations": {f"{GROUP}/requestedAt": str(time.time())}}}
    cluster.custom.patch_namespaced_custom_object(GROUP, "v1", NAMESPACE, "localapps", NAME, asked_at)


def complete(cluster: Cluster, job: str) -> None:
    """The migration has run."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    done = {
        "succeeded": 1,
        "startTime": now,
        "completionTime": now,
        "conditions": [{"type": "Complete", "status": "True"}],
    }
    cluster.batch.patch_namespaced_job_status(job, INSTANCE, {"status": done})


def objects(cluster: Cluster, *kinds: str) -> str:
    return cluster.kubectl("get", ",".join(kinds), "-n", INSTANCE, "-o", "name").stdout


def test_nothing_is_asked_that_is_refused(lived: list[dict[str, Any]]) -> None:
    refused = [used(one) for one in lived if one["annotations"].get("authorization.k8s.io/decision") == "forbid"]
    assert not refused


def test_everything_that_is_used_is_granted(lived: list[dict[str, Any]]) -> None:
    answered = [one for one in lived if one["responseStatus"]["code"] < 400]
    assert len(answered) > 100
    assert {right for one in answered for right in used(one)} <= granted()


def test_everything_that_is_granted_is_used_or_has_its_reason(lived: list[dict[str, Any]]) -> None:
    seen = {right for one in lived for right in used(one)}
    idle = {f"{verb} {group}/{resource}" for verb, group, resource in granted() - seen}
    unexplained = idle - set(EXCEPTIONS)
    assert not unexplained, "granted, never used, without a reason:\n" + "\n".join(sorted(unexplained))
    outdated = set(EXCEPTIONS) - {f"{verb} {group}/{resource}" for verb, group, resource in granted()}
    assert not outdated, "has a reason, and is not granted any more:\n" + "\n".join(sorted(outdated))
