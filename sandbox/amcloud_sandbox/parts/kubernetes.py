"""Kubernetes' control plane: etcd, API server, controller manager, scheduler, on the sandbox's own address."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from amcloud_sandbox import binaries, control_plane, network, processes
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.layout import Layout

PROCESSES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """The control plane as a part of the sandbox; compiles Kubernetes first where this machine has none."""

    name: str = "kubernetes"
    title: str = "plan de contrôle de Kubernetes"

    @property
    def debian_packages(self) -> tuple[str, ...]:
        """etcd, and what compiles Kubernetes when there is nothing in the cache."""
        return ("etcd-server", "iproute2", *binaries.build_packages(binaries.CLUSTER_PROGRAMS, layout=Layout()))

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The API server is ready on return, the scheduler and controller manager run."""
        network.ensure_host_address()
        programs = binaries.ensure(binaries.CLUSTER_PROGRAMS, layout=layout, say=say)
        plane = ControlPlane(layout, programs)
        control_plane.start(plane, say)
        processes.start("kube-scheduler", control_plane.scheduler_command(plane), layout=layout)

    def down(self, layout: Layout) -> None:
        """No process, data or certificate of the control plane is left."""
        processes.stop("kube-scheduler", layout=layout)
        control_plane.stop(layout)
        for folder in (layout.state / "etcd", layout.state / "pki"):
            shutil.rmtree(folder, ignore_errors=True)
        layout.kubeconfig.unlink(missing_ok=True)

    def healthy(self, layout: Layout) -> bool:
        """Whether all programs run and the API server says that it is ready."""
        programs = binaries.find(binaries.CLUSTER_PROGRAMS, layout=layout)
        alive = all(processes.running(name, layout=layout) for name in PROCESSES)
        return alive and programs is not None and control_plane.ready(ControlPlane(layout, programs))


PART = Kubernetes()
