"""etcd, API server and controller manager: their command lines, started together, for the sandbox and for tests.

The sandbox's own control plane listens on the bridge's address, so that pods reach it; a test's listens on 127.0.0.1 on
free ports, needs no root and no node.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amcloud_sandbox import binaries, processes
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import APISERVER_PORT, HOST_IP, SERVICE_CIDR, Layout
from amcloud_sandbox.pki import Authority

ETCD_PORT = 16379
ETCD_PEER_PORT = 16380
READY_TIMEOUT_S = 90
LOOPBACK = "127.0.0.1"
SERVICE_IP = SERVICE_CIDR.rsplit(".", 1)[0] + ".1"  # the `kubernetes` Service takes the range's first address
# From these minor versions on, flags that older ones need are refused.
NO_INSECURE_PORT_FLAG = 24
PARENT_DEATH_SIGNAL = ("setpriv", "--pdeathsig", "TERM")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Addresses and folders of one control plane; :func:`start` makes it run."""

    layout: Layout
    programs: binaries.Programs
    host: str = HOST_IP
    port: int = APISERVER_PORT
    etcd_port: int = ETCD_PORT
    etcd_peer_port: int = ETCD_PEER_PORT
    ends_with_us: bool = False  # a test's programs end with the test, however it ends
    audited: bool = False  # every request is one line of `audit_log`

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.host}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's kubeconfig."""
        return self.layout.kubeconfig

    @property
    def audit_log(self) -> Path:
        """Where an audited API server writes who asked for what, one JSON object a line, without bodies."""
        return self.layout.state / "audit.log"

    @property
    def authority(self) -> Authority:
        """The cluster's certificate authority."""
        return Authority(self.layout.state / "pki")

    def component_kubeconfig(self, name: str) -> Path:
        """Kubeconfig of a component of the cluster, such as ``kube-scheduler``."""
        return self.layout.state / "pki" / f"{name}.kubeconfig"


def write_credentials(plane: ControlPlane) -> None:
    """Certificates, keys and kubeconfigs of the control plane are on disk; existing ones are kept."""
    authority = plane.authority.ensure()
    hosts = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    authority.leaf(
        "apiserver", user="kube-apiserver", hosts=[*hosts, "localhost", SERVICE_IP, LOOPBACK, HOST_IP, plane.host]
    )
    authority.leaf("kubelet-client", user="kube-apiserver-kubelet-client", groups=["system:masters"])
    authority.leaf("front-proxy-client", user="front-proxy-client")
    authority.service_account_key()
    admin = authority.leaf("admin", user="amcloud-admin", groups=["system:masters"])
    authority.kubeconfig(plane.kubeconfig, server=plane.server, leaf=admin, user="admin")
    for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        leaf = authority.leaf(component, user=f"system:{component}")
        authority.kubeconfig(
            plane.component_kubeconfig(component), server=plane.server, leaf=leaf, user=f"system:{component}"
        )


def etcd_command(plane: ControlPlane) -> list[str]:
    """Command line of etcd, on the loopback only."""
    client, peer = f"http://{LOOPBACK}:{plane.etcd_port}", f"http://{LOOPBACK}:{plane.etcd_peer_port}"
    etcd = shutil.which("etcd") or plane.programs.path("etcd")
    return [
        etcd,
        "--name=default",
        f"--data-dir={plane.layout.state / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--quota-backend-bytes=2147483648",
        "--auto-compaction-retention=1",
        "--log-level=warn",
        "--logger=zap",
    ]


def apiserver_command(plane: ControlPlane) -> list[str]:
    """Command line of the API server."""
    pki = plane.authority.folder
    flags = {
        "etcd-servers": f"http://{LOOPBACK}:{plane.etcd_port}",
        "bind-address": plane.host,
        "advertise-address": plane.host,
        "secure-port": plane.port,
        # the `kubernetes` Endpoints may not hold a loopback address
        "endpoint-reconciler-type": "none" if plane.host == LOOPBACK else "master-count",
        "service-cluster-ip-range": SERVICE_CIDR,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "kubelet-client.crt",
        "kubelet-client-key": pki / "kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": pki / "ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": pki / "front-proxy-client.crt",
        "proxy-client-key-file": pki / "front-proxy-client.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "service-account.pub",
        "service-account-signing-key-file": pki / "service-account.key",
        "profiling": "false",
    }
    if plane.audited:
        flags |= {"audit-policy-file": _audit_policy(plane), "audit-log-path": plane.audit_log}
    extra = [] if plane.programs.minor() >= NO_INSECURE_PORT_FLAG else ["--insecure-port=0"]
    return [plane.programs.path("kube-apiserver"), *_flags(flags), *extra]


def _audit_policy(plane: ControlPlane) -> Path:
    """Requests of service accounts, once answered; no body, so that no secret is written."""
    path = plane.layout.state / "audit-policy.json"
    rule = {"level": "Metadata", "omitStages": ["RequestReceived"], "userGroups": ["system:serviceaccounts"]}
    rules = [rule, {"level": "None"}]
    path.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}), encoding="utf-8")
    return path


def controller_manager_command(plane: ControlPlane) -> list[str]:
    """Command line of the controller manager; it serves no port of its own on a test's control plane."""
    pki = plane.authority.folder
    kubeconfig = plane.component_kubeconfig("kube-controller-manager")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "service-account-private-key-file": pki / "service-account.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "bind-address": LOOPBACK,
        "secure-port": 0,
        "profiling": "false",
        # workloads follow their objects in a second or two rather than ten
        "horizontal-pod-autoscaler-sync-period": "15s",
    }
    extra = [] if plane.programs.minor() >= NO_INSECURE_PORT_FLAG else ["--port=0"]
    return [plane.programs.path("kube-controller-manager"), *_flags(flags), *extra]


def scheduler_command(plane: ControlPlane) -> list[str]:
    """Command line of the scheduler."""
    kubeconfig = plane.component_kubeconfig("kube-scheduler")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "leader-elect": "false",
        "bind-address": LOOPBACK,
        "secure-port": 0,
        "profiling": "false",
    }
    extra = [] if plane.programs.minor() >= NO_INSECURE_PORT_FLAG else ["--port=0"]
    return [plane.programs.path("kube-scheduler"), *_flags(flags), *extra]


def _flags(flags: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def start(plane: ControlPlane, say: Callable[[str], None]) -> None:
    """etcd, API server and controller manager run, and the API server says that it is ready.

    Raises:
        SandboxError: one of them ended or was not ready in time; its last log lines are in the hint.
    """
    write_credentials(plane)
    layout = plane.layout
    (layout.state / "etcd").mkdir(parents=True, exist_ok=True, mode=0o700)
    before = PARENT_DEATH_SIGNAL if plane.ends_with_us else ()
    processes.start("etcd", [*before, *etcd_command(plane)], layout=layout)
    processes.start("kube-apiserver", [*before, *apiserver_command(plane)], layout=layout)
    processes.wait_until(
        lambda: ready(plane),
        doing="démarrage du serveur d'API de Kubernetes",
        timeout_s=READY_TIMEOUT_S,
        say=say,
        alive=("etcd", "kube-apiserver"),
        layout=layout,
    )
    processes.start("kube-controller-manager", [*before, *controller_manager_command(plane)], layout=layout)


def stop(layout: Layout) -> None:
    """No program of the control plane runs any more; its data stays."""
    for name in ("kube-controller-manager", "kube-apiserver", "etcd"):
        processes.stop(name, layout=layout)


def ready(plane: ControlPlane) -> bool:
    """Whether the API server answers that all its start-up steps are done."""
    try:
        admin = plane.authority.folder / "admin.crt"
        context = ssl.create_default_context(cafile=str(plane.authority.certificate))
        context.load_cert_chain(admin, admin.with_suffix(".key"))
        with urllib.request.urlopen(f"{plane.server}/readyz", context=context, timeout=5) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
    except (OSError, urllib.error.URLError):
        return False


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def temporary(
    say: Callable[[str], None] = lambda _: None,
    *,
    cache: Path | None = None,
    attempts: int = 3,
    audited: bool = False,
) -> Iterator[ControlPlane]:
    """A fresh control plane on 127.0.0.1, gone with its data at the end; needs no root and no node. For tests.

    Raises:
        SandboxError: it does not start, after ``attempts`` choices of ports.
    """
    with tempfile.TemporaryDirectory(prefix="amcloud-control-plane-") as folder:
        layout = Layout(state=Path(folder)) if cache is None else Layout(state=Path(folder), cache=cache)
        programs = binaries.ensure(binaries.SERVER_PROGRAMS, layout=layout, say=say)
        plane = _start_on_free_ports(layout, programs, say, attempts, audited=audited)
        try:
            yield plane
        finally:
            stop(layout)


def _start_on_free_ports(
    layout: Layout, programs: binaries.Programs, say: Callable[[str], None], attempts: int, *, audited: bool
) -> ControlPlane:
    for attempt in range(1, attempts + 1):
        ports = (free_port(), free_port(), free_port())
        plane = ControlPlane(layout, programs, LOOPBACK, *ports, ends_with_us=True, audited=audited)
        try:
            start(plane, say)
        except SandboxError:
            stop(layout)
            if attempt == attempts:
                raise
            shutil.rmtree(layout.state / "etcd", ignore_errors=True)
        else:
            return plane
    raise AssertionError("at least one attempt")
