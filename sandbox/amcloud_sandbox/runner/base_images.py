"""The store of base images that every pipeline reads: pulled from the local registry when its tag has moved."""

from __future__ import annotations

import threading
from pathlib import Path

import requests

from amcloud_sandbox.runner import cells
from amcloud_sandbox.runner.isolation import Cell

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
TIMEOUT_S = 10


class BaseImages:
    """Base images of one registry (named ``registry``, its API at ``api``), by reference."""

    def __init__(self, registry: str, api: str) -> None:
        self._registry, self._api = registry, api
        self._pulled: dict[str, str] = {}
        self._lock = threading.Lock()

    def ensure(self, reference: str, cell: Cell) -> str | None:
        """Why the image could not be made present (pipelines then pull it themselves); None when it is there."""
        if not reference.startswith(f"{self._registry}/"):
            return None
        with self._lock:
            try:
                digest = self._digest(reference)
                if digest and self._pulled.get(reference) != digest:
                    self._pull(reference, cell)
                    self._pulled[reference] = digest
            except (requests.RequestException, cells.CommandError) as error:
                return str(error)
        return None

    def _digest(self, reference: str) -> str | None:
        if "@" in reference:
            return reference.rpartition("@")[2]
        name, _, tag = reference.removeprefix(f"{self._registry}/").rpartition(":")
        answer = requests.head(f"{self._api}/v2/{name}/manifests/{tag}", headers={"Accept": ACCEPT}, timeout=TIMEOUT_S)
        return answer.headers.get("Docker-Content-Digest") if answer.ok else None

    def _pull(self, reference: str, cell: Cell) -> None:
        store: Path = cell.images
        options = ["--root", str(store), "--runroot", str(cell.home / "run" / "pull"), "--storage-driver", "overlay"]
        cells.run(cell, ["buildah", *options, "pull", "--quiet", reference], images_writable=True)
