"""Every pod that the platform makes would be admitted by `restricted`; the check itself is seen to refuse."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pod_security import pod_specs, violations

ROOT = Path(__file__).parents[4]
RENDERED = sorted((Path(__file__).parent / "golden").rglob("*.yaml"))
DEPLOYED = sorted((ROOT / "deploy").rglob("*.yaml"))


def pods(file: Path) -> list[tuple[Any, Any]]:
    documents = yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found = [one for one in documents if isinstance(one, dict) and "kind" in one and "metadata" in one]
    return [pod for one in found for pod in pod_specs(one) if "containers" in pod[1]]


WITH_PODS = [file for file in (*RENDERED, *DEPLOYED) if pods(file) and not file.name.endswith("-mount.yaml")]


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_pod_would_be_admitted(file: Path) -> None:
    for metadata, spec in pods(file):
        assert violations(metadata, spec) == []


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_pod_has_a_read_only_root_and_a_memory_limit(file: Path) -> None:
    """More than `restricted` asks for."""
    for _, spec in pods(file):
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, container["name"]
            assert container["resources"]["limits"]["memory"], container["name"]


def test_the_pods_of_instances_of_checks_and_of_the_operator_are_all_there() -> None:
    made = {name for file in WITH_PODS for _, spec in pods(file) for name in (c["name"] for c in spec["containers"])}
    assert {"web", "migration", "command", "operator", "reports"} <= made


def good() -> dict[str, Any]:
    container = {
        "name": "a",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"securityContext": security, "containers": [container], "volumes": [{"name": "t", "emptyDir": {}}]}


CHANGES: dict[str, tuple[str, Any]] = {
    "hostNetwork": ("hostNetwork", True),
    "hostPID": ("hostPID", True),
    "hostIPC": ("hostIPC", True),
    "sysctl kernel.msgmax": ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    "runAsUser of the pod": ("securityContext.runAsUser", 0),
    "a: runAsNonRoot": ("securityContext.runAsNonRoot", False),
    "a: seccompProfile": ("securityContext.seccompProfile", {"type": "Unconfined"}),
    "a: seLinuxOptions": ("securityContext.seLinuxOptions", {"type": "spc_t"}),
    "volume hostPath": ("volumes", [{"name": "t", "hostPath": {"path": "/"}}]),
    "a: privileged": ("containers.securityContext.privileged", True),
    "a: allowPrivilegeEscalation": ("containers.securityContext.allowPrivilegeEscalation", None),
    "a: procMount": ("containers.securityContext.procMount", "Unmasked"),
    "a: hostProcess": ("containers.securityContext.windowsOptions", {"hostProcess": True}),
    "a: capabilities not dropped": ("containers.securityContext.capabilities", {"drop": ["NET_RAW"]}),
    "a: capabilities added": ("containers.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "a: runAsUser": ("containers.securityContext.runAsUser", 0),
    "a: hostPort": ("containers.ports", [{"containerPort": 80, "hostPort": 80}]),
    "a: host of a probe": ("containers.livenessProbe", {"httpGet": {"host": "169.254.169.254", "path": "/"}}),
}


@pytest.mark.parametrize("problem", CHANGES)
def test_the_check_refuses_what_the_standard_refuses(problem: str) -> None:
    spec = good()
    assert violations({}, spec) == []
    path, value = CHANGES[problem]
    changed = copy.deepcopy(spec)
    *parents, last = path.split(".")
    node: Any = changed
    for name in parents:
        node = node[name][0] if name == "containers" else node.setdefault(name, {})
    node[last] = value
    assert violations({}, changed) == [problem]


def test_an_annotation_that_lifts_apparmor_is_seen() -> None:
    annotation = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    assert violations({"annotations": annotation}, good()) == ["AppArmor"]


def test_the_namespaces_of_instances_ask_for_it() -> None:
    labels = ("enforce", "warn", "audit")
    for file in RENDERED:
        for one in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if isinstance(one, dict) and one.get("kind") == "Namespace":
                for label in labels:
                    assert one["metadata"]["labels"][f"pod-security.kubernetes.io/{label}"] == "restricted", file.name
