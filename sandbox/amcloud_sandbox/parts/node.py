"""The sandbox's one node: containerd, kubelet, kube-proxy and the pods' network."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from amcloud_sandbox import binaries, containerd, leftovers, network, processes
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import HOST_IP, POD_CIDR, Layout
from amcloud_sandbox.programs import run

NODE = "amcloud"
READY_TIMEOUT_S = 90
KUBELET_PORT = 10250
PROCESSES = ("containerd", "kubelet", "kube-proxy")
# From this minor version on, kubelet knows no other runtime than a remote one, and refuses to be told.
REMOTE_RUNTIME_ONLY = 24
LOOPBACK = "127.0.0.1"


def cni_configuration(layout: Layout) -> dict[str, object]:
    """The pods' network: one routed link a pod, so that pods meet services by the host's rules and not beside them."""
    return {
        "cniVersion": "0.4.0",
        "name": "amcloud",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(layout.state / "cni" / "addresses"),
                    "ranges": [[{"subnet": POD_CIDR}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }


def kubelet_configuration(plane: ControlPlane) -> dict[str, object]:
    """KubeletConfiguration of the node; ConfigMaps reach the pods within five seconds."""
    pki = plane.authority.folder
    state = plane.layout.state
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": HOST_IP,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzBindAddress": LOOPBACK,
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{leftovers.cgroup(plane.layout)}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "clusterDNS": [HOST_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": str(state / "node" / "resolv.conf"),
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "2s",
        "volumePluginDir": str(state / "node" / "volume-plugins"),
        "serializeImagePulls": False,
        # images come from a registry that goes with the sandbox: never thrown away to save space
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "containerLogMaxSize": "10Mi",
    }


def proxy_configuration(plane: ControlPlane) -> dict[str, object]:
    """KubeProxyConfiguration of the node; kernel limits of the machine are left alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": HOST_IP,
        "healthzBindAddress": f"{LOOPBACK}:10256",
        "metricsBindAddress": f"{LOOPBACK}:10249",
        "hostnameOverride": NODE,
        "mode": "iptables",
        "clusterCIDR": POD_CIDR,
        "clientConnection": {"kubeconfig": str(plane.component_kubeconfig("kube-proxy"))},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
    }


def kubelet_command(plane: ControlPlane) -> list[str]:
    """Command line of kubelet."""
    state = plane.layout.state
    flags = {
        "config": state / "node" / "kubelet.yaml",
        "kubeconfig": plane.component_kubeconfig("kubelet"),
        "root-dir": state / "kubelet",
        "container-runtime-endpoint": f"unix://{containerd.socket(plane.layout)}",
        "node-ip": HOST_IP,
        "hostname-override": NODE,
    }
    if plane.programs.minor() < REMOTE_RUNTIME_ONLY:
        flags |= {"container-runtime": "remote", "pod-infra-container-image": containerd.PAUSE_IMAGE}
    return [plane.programs.path("kubelet"), *(f"--{name}={value}" for name, value in flags.items())]


@dataclass(frozen=True, slots=True)
class Node:
    """The node as a part of the sandbox; needs root and the control plane."""

    name: str = "node"
    title: str = "nœud de Kubernetes"
    debian_packages: tuple[str, ...] = (
        "containerd",
        "runc",
        "containernetworking-plugins",
        "iptables",
        "conntrack",
        "iproute2",
        "mount",
    )

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The node is Ready and can run pods on return."""
        programs = binaries.find(binaries.CLUSTER_PROGRAMS, layout=layout)
        if programs is None or not layout.kubeconfig.exists():
            raise SandboxError("démarrage du nœud", "le composant « kubernetes » doit être démarré avant lui")
        plane = ControlPlane(layout, programs)
        leftovers.remember_machine(layout)
        leftovers.make_cgroups(leftovers.cgroup(layout))
        network.ensure_host_address()
        network.open_pod_network()
        cni = _write_configuration(plane)
        containerd.start(layout, cni=cni, pause=_pause(plane, layout, say), say=say)
        processes.start("kubelet", kubelet_command(plane), layout=layout)
        configuration = layout.state / "node" / "kube-proxy.yaml"
        processes.start("kube-proxy", [programs.path("kube-proxy"), f"--config={configuration}"], layout=layout)
        processes.wait_until(
            lambda: _can_run_pods(plane),
            doing="attente du nœud",
            timeout_s=READY_TIMEOUT_S,
            say=say,
            alive=PROCESSES,
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """No pod, process, mount, link, rule or file of the node is left, whatever ended before."""
        for name in ("kubelet", "kube-proxy", "containerd"):
            processes.stop(name, layout=layout)
        if not leftovers.remembers_machine(layout):
            return  # never started here: rules and groups that exist are another's
        leftovers.end_pods(containerd.socket(layout), leftovers.cgroup(layout))
        folders = (containerd.folder(layout), layout.state / "kubelet")
        leftovers.unmount_under(*folders)
        leftovers.remove_cgroups(leftovers.cgroup(layout))
        network.close_pod_network()
        for folder in (*folders, layout.state / "cni", layout.state / "node"):
            shutil.rmtree(folder, ignore_errors=True)
        leftovers.restore_machine(layout)

    def healthy(self, layout: Layout) -> bool:
        """Whether all programs of the node run and the node is Ready."""
        programs = binaries.find(binaries.CLUSTER_PROGRAMS, layout=layout)
        alive = all(processes.running(name, layout=layout) for name in PROCESSES)
        return alive and programs is not None and _ready(ControlPlane(layout, programs))


def _write_configuration(plane: ControlPlane) -> Path:
    """Folder of the CNI configuration; certificates and all files of the node are written."""
    layout, authority = plane.layout, plane.authority
    authority.leaf("kubelet-server", user=f"system:node:{NODE}", groups=["system:nodes"], hosts=[NODE, HOST_IP])
    leaf = authority.leaf("kubelet", user=f"system:node:{NODE}", groups=["system:nodes"])
    authority.kubeconfig(
        plane.component_kubeconfig("kubelet"), server=plane.server, leaf=leaf, user=f"system:node:{NODE}"
    )
    folder, cni = layout.state / "node", layout.state / "cni" / "net.d"
    folder.mkdir(parents=True, exist_ok=True)
    cni.mkdir(parents=True, exist_ok=True)
    _write(folder / "resolv.conf", f"nameserver {HOST_IP}\noptions timeout:1 attempts:2\n")
    _write(folder / "kubelet.yaml", yaml.safe_dump(kubelet_configuration(plane)))
    _write(folder / "kube-proxy.yaml", yaml.safe_dump(proxy_configuration(plane)))
    _write(cni / "10-amcloud.conflist", json.dumps(cni_configuration(layout), indent=1))
    return cni


def _write(path: Path, text: str) -> None:
    # kube-proxy ends when its file is written, even with the same content
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _pause(plane: ControlPlane, layout: Layout, say: Callable[[str], None]) -> Path:
    beside = plane.programs.folder / "pause"
    if beside.exists():
        return beside
    # the programs were not compiled here: nothing but the one-file `pause` is
    return binaries.ensure_pause(layout=layout, say=say)


def _kubectl(plane: ControlPlane, *arguments: str) -> str:
    command = [plane.programs.path("kubectl"), f"--kubeconfig={plane.kubeconfig}", "--request-timeout=5s", *arguments]
    return run(command, doing="état du nœud", say=lambda _: None, timeout_s=10)


def _ready(plane: ControlPlane) -> bool:
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    try:
        return _kubectl(plane, "get", "node", NODE, "-o", f"jsonpath={path}").strip() == "True"
    except SandboxError:
        return False


def _can_run_pods(plane: ControlPlane) -> bool:
    """Node Ready, services' rules written, and the account that pods run under made."""
    if not _ready(plane):
        return False
    rules = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=False).stdout
    try:
        _kubectl(plane, "get", "serviceaccount", "default", "-n", "default")
    except SandboxError:
        return False
    return "KUBE-SERVICES" in rules


PART = Node()
