"""The HTTP entry by host name: nginx, and the controller that writes its configuration from the cluster's objects.

Two programs: nginx goes on serving when the controller is started again.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import requests

from amcloud_sandbox import processes
from amcloud_sandbox.edge.server import Server
from amcloud_sandbox.layout import EDGE_PORT, HOST_IP, Layout

START_TIMEOUT_S = 20
PROBE_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Edge:
    """The entry on ``port`` of each of ``hosts``."""

    hosts: tuple[str, ...] = ("127.0.0.1", HOST_IP)
    port: int = EDGE_PORT
    launcher: tuple[str, ...] = ()  # put before the programs' command lines
    name: str = "edge"
    title: str = "entrée HTTP"
    debian_packages: tuple[str, ...] = ("nginx-light", "curl")  # curl: for those who play with the addresses

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """nginx answers on every address and follows the cluster of ``layout.kubeconfig``."""
        server = self.server(layout)
        server.prepare()
        processes.start(self._nginx, (*self.launcher, *server.arguments(server.file)), layout=layout)
        listen = [option for address in server.listen for option in ("--listen", address)]
        argv = (*self.launcher, sys.executable, "-m", "amcloud_sandbox.edge", "--kubeconfig", str(layout.kubeconfig),
                "--folder", str(server.folder), *listen)  # fmt: skip
        if not processes.running(self._controller, layout=layout):
            server.followed.unlink(missing_ok=True)  # an earlier controller's
        processes.start(self._controller, argv, layout=layout)
        processes.wait_until(
            lambda: self.healthy(layout),
            doing="démarrage de l'entrée HTTP",
            timeout_s=START_TIMEOUT_S,
            say=say,
            alive=(self._nginx, self._controller),
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """Neither program nor their files are left."""
        processes.stop(self._controller, layout=layout)
        processes.stop(self._nginx, layout=layout)
        shutil.rmtree(self.server(layout).folder, ignore_errors=True)

    def healthy(self, layout: Layout) -> bool:
        """Whether nginx answers on every address, and follows the cluster's objects."""
        server = self.server(layout)
        return (
            processes.running(self._controller, layout=layout)
            and server.followed.exists()
            and all(_answers(f"http://{address}/") for address in server.listen)
        )

    def server(self, layout: Layout) -> Server:
        """Where nginx's files are and where it listens."""
        return Server(folder=layout.state / self.name, listen=tuple(f"{host}:{self.port}" for host in self.hosts))

    @property
    def _nginx(self) -> str:
        return f"{self.name}-nginx"

    @property
    def _controller(self) -> str:
        return f"{self.name}-controller"


def _answers(url: str) -> bool:
    try:
        requests.get(url, timeout=PROBE_TIMEOUT_S)
    except requests.RequestException:
        return False
    return True


PART = Edge()
