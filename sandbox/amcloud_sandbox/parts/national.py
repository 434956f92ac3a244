"""A national service, as connectors lead to one: on the bridge's address alone, where pods reach it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from amcloud_sandbox import processes
from amcloud_sandbox.layout import HOST_IP, NATIONAL_PORT, Layout
from amcloud_sandbox.national import CONNECTOR, Register

START_TIMEOUT_S = 30
PROBE_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class National:
    """The service at ``http://host:port``."""

    host: str = HOST_IP
    port: int = NATIONAL_PORT
    name: str = "national"
    title: str = "service national (référentiel des assurés, exemple)"
    debian_packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers, without a version."""
        return f"http://{self.host}:{self.port}"

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The service answers; it lets nobody in yet."""
        folder = _folder(layout)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = (sys.executable, "-m", "amcloud_sandbox.national", str(folder), self.host, str(self.port))
        processes.start(self.name, argv, layout=layout)
        processes.wait_until(
            lambda: self.healthy(layout),
            doing=f"démarrage du {self.title}",
            timeout_s=START_TIMEOUT_S,
            say=say,
            alive=(self.name,),
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """The service no longer runs, and whom it let in is forgotten."""
        processes.stop(self.name, layout=layout)
        shutil.rmtree(_folder(layout), ignore_errors=True)

    def healthy(self, layout: Layout) -> bool:
        """Whether the service answers."""
        del layout
        try:
            return requests.get(f"{self.url}/sante", timeout=PROBE_TIMEOUT_S).ok
        except requests.RequestException:
            return False


def register(layout: Layout) -> Register:
    """The running service's own list of callers."""
    return Register(_folder(layout))


def _folder(layout: Layout) -> Path:
    return layout.state / CONNECTOR


PART = National()
