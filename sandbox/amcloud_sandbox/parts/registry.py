"""The image registry: Debian's docker-registry, storage in the sandbox's state, deletion allowed.

docker-registry listens on one address only, and 0.0.0.0 would show it to the network. So one process a listening
address serves the same storage, as the program's own documentation foresees for several instances behind a balancer:
same ``http.secret`` (uploads may start on one and end on the other) and no descriptor cache in memory (a deletion on
one would be unknown to the other).
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from amcloud_sandbox import processes
from amcloud_sandbox.images import DEBIAN_PACKAGES as IMAGE_PACKAGES
from amcloud_sandbox.images import oci
from amcloud_sandbox.layout import HOST_IP, REGISTRY_PORT, Layout

START_TIMEOUT_S = 20
PROBE_TIMEOUT_S = 2


def configuration(*, host: str, port: int, storage: Path, secret: str) -> str:
    """The registry's YAML configuration for one listening address."""
    return yaml.safe_dump(
        {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(storage)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {
                "addr": f"{host}:{port}",
                "secret": secret,
                "headers": {"X-Content-Type-Options": ["nosniff"]},
            },
        },
        sort_keys=False,
    )


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry on ``port`` of each of ``hosts``; without authentication, never reachable from outside."""

    hosts: tuple[str, ...] = (HOST_IP, "127.0.0.1")
    port: int = REGISTRY_PORT
    launcher: tuple[str, ...] = ()  # put before the program's command line
    name: str = "registry"
    title: str = "registre d'images"
    debian_packages: tuple[str, ...] = ("docker-registry", *IMAGE_PACKAGES)

    def up(self, layout: Layout, say: Callable[[str], None]) -> None:
        """The registry answers on every address on return."""
        secret = _secret(self._folder(layout))
        for host in self.hosts:
            self._start(layout, host, secret)
        processes.wait_until(
            lambda: self.healthy(layout),
            doing="démarrage du registre d'images",
            timeout_s=START_TIMEOUT_S,
            say=say,
            alive=tuple(map(self._process, self.hosts)),
            layout=layout,
        )

    def down(self, layout: Layout) -> None:
        """No registry process, no stored image and no mount of the image builds is left; the image cache stays."""
        oci.release(layout)
        for host in self.hosts:
            processes.stop(self._process(host), layout=layout)
        shutil.rmtree(self._folder(layout), ignore_errors=True)

    def healthy(self, layout: Layout) -> bool:
        """Whether the registry answers on every address."""
        del layout
        return all(_answers(f"http://{host}:{self.port}/v2/") for host in self.hosts)

    def _start(self, layout: Layout, host: str, secret: str) -> None:
        folder = self._folder(layout)
        file = folder / f"{host}.yml"
        file.write_text(
            configuration(host=host, port=self.port, storage=folder / "storage", secret=secret), encoding="utf-8"
        )
        argv = (*self.launcher, "docker-registry", "serve", str(file))
        # Debian's build reports no trace; said explicitly, or newer builds look for a collector.
        processes.start(self._process(host), argv, layout=layout, env={"OTEL_TRACES_EXPORTER": "none"})

    def _process(self, host: str) -> str:
        return f"{self.name}-{host}"

    def _folder(self, layout: Layout) -> Path:
        return layout.state / self.name


def _secret(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "http-secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=PROBE_TIMEOUT_S).ok
    except requests.RequestException:
        return False


PART = Registry()
