"""The Pod Security Standard `restricted`, control by control, for clusters that cannot admit by it themselves (1.20).

Written from https://kubernetes.io/docs/concepts/security/pod-security-standards/ (baseline and restricted, Linux).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SYSCTLS = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"),
    }
)
SECCOMP = frozenset({"RuntimeDefault", "Localhost"})
SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})


def pod_specs(found: Object) -> Iterator[tuple[Object, Object]]:
    """Metadata and specification of the pods that an object makes; none for most kinds."""
    match found["kind"]:
        case "Pod":
            yield found["metadata"], found["spec"]
        case "CronJob":
            template = found["spec"]["jobTemplate"]["spec"]["template"]
            yield template.get("metadata", {}), template["spec"]
        case "Deployment" | "Job" | "DaemonSet" | "StatefulSet" | "ReplicaSet":
            template = found["spec"]["template"]
            yield template.get("metadata", {}), template["spec"]


def violations(metadata: Object, spec: Object) -> list[str]:
    """What of a pod `restricted` does not allow; empty when it is admitted."""
    return [*_baseline_pod(metadata, spec), *_restricted_pod(spec), *_containers(spec)]


def _baseline_pod(metadata: Object, spec: Object) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    context = spec.get("securityContext", {})
    for sysctl in context.get("sysctls", ()):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for name, profile in metadata.get("annotations", {}).items():
        allowed = profile == "runtime/default" or profile.startswith("localhost/")
        if name.startswith("container.apparmor.security.beta.kubernetes.io/") and not allowed:
            yield "AppArmor"


def _restricted_pod(spec: Object) -> Iterator[str]:
    for volume in spec.get("volumes", ()):
        if kinds := set(volume) - {"name"} - VOLUMES:
            yield f"volume {', '.join(sorted(kinds))}"
    if spec.get("securityContext", {}).get("runAsUser") == 0:
        yield "runAsUser of the pod"


def _containers(spec: Object) -> Iterator[str]:
    pod = spec.get("securityContext", {})
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(group, ()):
            for problem in _container(container, pod):
                yield f"{container['name']}: {problem}"


def _container(container: Object, pod: Object) -> Iterator[str]:
    context = container.get("securityContext", {})
    yield from _privileges(context)
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    seccomp = context.get("seccompProfile", pod.get("seccompProfile", {}))
    if seccomp.get("type") not in SECCOMP:
        yield "seccompProfile"
    for options in (context.get("seLinuxOptions", {}), pod.get("seLinuxOptions", {})):
        if options.get("type", "") not in SELINUX or options.get("user") or options.get("role"):
            yield "seLinuxOptions"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    for handler in _handlers(container):
        if any(handler.get(way, {}).get("host") for way in ("httpGet", "tcpSocket")):
            yield "host of a probe"


def _privileges(context: Object) -> Iterator[str]:
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield "capabilities not dropped"
    if set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities added"


def _handlers(container: Object) -> Iterator[Object]:
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield container.get(probe, {})
    for moment in ("postStart", "preStop"):
        yield container.get("lifecycle", {}).get(moment, {})
