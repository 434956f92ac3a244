"""Where everything of the sandbox lives: addresses, ports and folders. No effect happens here.

Pods cannot reach the host's 127.0.0.1, so every service also listens on :data:`HOST_IP`, the address of a bridge that
the sandbox makes and that never leaves the machine (198.18.0.0/15 is reserved for benchmarks by RFC 2544).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

HOST_IP = "198.18.0.1"
POD_CIDR = "198.18.128.0/18"
SERVICE_CIDR = "198.19.0.0/16"
DOMAIN = "amcloud.localhost"

APISERVER_PORT = 16443
POSTGRES_PORT = 15432
REGISTRY_PORT = 5000
FORGE_PORT = 8929
COMPOSER_PORT = 8930
IDENTITY_PORT = 8931
NATIONAL_PORT = 8932
EDGE_PORT = 8080


def _state_dir() -> Path:
    return Path(os.environ.get("AMCLOUD_SANDBOX_DIR", "/var/lib/amcloud-sandbox"))


def _cache_dir() -> Path:
    base = os.environ.get("AMCLOUD_CACHE_DIR")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "amcloud"


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of one sandbox. ``state`` is removed by ``down``; ``cache`` (built binaries, images) survives it."""

    state: Path = field(default_factory=_state_dir)
    cache: Path = field(default_factory=_cache_dir)

    @property
    def run(self) -> Path:
        """Process records and logs: ``<name>.json`` and ``<name>.log``."""
        return self.state / "run"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's kubeconfig; serves set-up only."""
        return self.state / "kubeconfig"

    @property
    def credentials(self) -> Path:
        """One file a credential (mode 0600): ``forge-root-token``, ``forge-operator-token``, ``postgres-operator``…"""
        return self.state / "credentials"


FORGE_URL = f"http://{HOST_IP}:{FORGE_PORT}"
COMPOSER_URL = f"http://{HOST_IP}:{COMPOSER_PORT}"
IDENTITY_URL = f"http://{HOST_IP}:{IDENTITY_PORT}"
NATIONAL_URL = f"http://{HOST_IP}:{NATIONAL_PORT}"
REGISTRY_URL = f"http://{HOST_IP}:{REGISTRY_PORT}"
REGISTRY_NAME = (
    f"localhost:{REGISTRY_PORT}"  # the registry's name in an image reference; its API address is REGISTRY_URL
)
EDGE_URL = f"http://127.0.0.1:{EDGE_PORT}"
