"""A temporary control plane, filled with LocalApps, for measurements: no node, no forge, no database."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from amcloud.settings import GROUP, VERSION
from amcloud_sandbox.control_plane import ControlPlane

CRDS = Path(__file__).resolve().parents[1] / "crds"
NAMESPACE = "cpam-bas-rhin"
API = f"/apis/{GROUP}/{VERSION}"
APPS = f"{API}/namespaces/{NAMESPACE}/localapps"
MERGE = "application/merge-patch+json"
NOT_FOUND, FIRST_ERROR = 404, 400
READY_S = 30.0
PASS_RESOURCES = ("localapps", "events", "namespaces", "organisations", "normpacks")
PASS_VERBS = ("GET", "LIST", "POST", "PUT", "PATCH", "APPLY")
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Api:
    """The API server by Python's own HTTP client: a kept connection a thread, nothing else."""

    def __init__(self, plane: ControlPlane) -> None:
        certificate = plane.authority.folder / "admin.crt"
        self._context = ssl.create_default_context(cafile=str(plane.authority.certificate))
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._address = (plane.host, plane.port)
        self._kept = threading.local()

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        """The decoded answer; ``None`` when there is no such object.

        Raises:
            RuntimeError: refused.
        """
        status, content = self.raw(method, path, body, kind=kind)
        if status == NOT_FOUND:
            return None
        if status >= FIRST_ERROR:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content)

    def raw(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and content of the answer."""
        connection = self._connection()
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": kind, "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self._kept, "connection"):
            host, port = self._address
            self._kept.connection = http.client.HTTPSConnection(host, port, context=self._context, timeout=30)
        kept: http.client.HTTPSConnection = self._kept.connection
        return kept


def at_once(act: Callable[[str], object], names: Iterable[str], *, threads: int) -> float:
    """Seconds until ``act`` was done for every name, ``threads`` at a time."""
    with ThreadPoolExecutor(threads) as pool:
        begin = time.perf_counter()
        list(pool.map(act, names))
        return time.perf_counter() - begin


def install(api: Api) -> None:
    """CRDs, the namespace of the sample organisation, the organisation."""
    for file in sorted(CRDS.glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    deadline = time.monotonic() + READY_S
    while any(api.call("GET", f"{API}/{kind}") is None for kind in ("localapps", "organisations", "normpacks")):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the CRDs are not served after {READY_S:.0f} s")
        time.sleep(0.2)
    api.call(
        "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": {f"{GROUP}/organisation": "671"}}}
    )
    organisation = {"code": "671", "name": "CPAM du Bas-Rhin (exemple)", "kind": "CPAM", "label": NAMESPACE}
    api.call("POST", f"{API}/organisations", _object("Organisation", {"name": NAMESPACE}, organisation))


def local_app(name: str, *, refused: bool) -> dict[str, Any]:
    """A hors-standard application (catalogued), or one that names an unknown organisation (refused)."""
    spec = {"title": f"{name} (exemple)", "owner": {"organisation": "671"}, "track": "hors-standard"}
    served = {"organisations": ["671", "999"]} if refused else {}
    return _object("LocalApp", {"name": name, "namespace": NAMESPACE}, spec | served)


def _object(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata, "spec": spec}


def names(count: int) -> list[str]:
    """Names of ``count`` applications."""
    return [f"exemple-{number:04}" for number in range(count)]


def create(api: Api, count: int, *, threads: int) -> None:
    """``count`` applications are there; every second one is to be refused."""
    wanted = {name: local_app(name, refused=number % 2 == 1) for number, name in enumerate(names(count))}
    at_once(lambda name: api.call("POST", APPS, wanted[name]), wanted, threads=threads)


def delete_all(api: Api) -> None:
    """No application is left."""
    api.call("DELETE", APPS)


def patch_statuses(api: Api, count: int, said: str, *, threads: int) -> float:
    """Seconds for one merge patch of each application's status, as long as one of the operator's."""
    condition = {
        "type": "Ready", "status": "False", "reason": "Mesure", "message": said, "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    body = {"status": {"observedGeneration": 1, "conditions": [condition, {**condition, "type": "Stalled"}]}}
    return at_once(
        lambda name: api.call("PATCH", f"{APPS}/{name}/status", body, kind=MERGE), names(count), threads=threads
    )


def with_status(api: Api) -> int:
    """Applications that have a ``Ready`` condition, as the API server's own cache knows them."""
    found = api.call("GET", f"{APPS}?resourceVersion=0")["items"]
    return sum(any(c["type"] == "Ready" for c in app.get("status", {}).get("conditions", ())) for app in found)


def requests_served(metrics: str) -> int:
    """Requests that the API server served on what a pass reads and writes, by its own metrics.

    Watches do not count. Kubernetes 1.20 counts a read of one LocalApp as a list, so lists of them count, those of
    :func:`with_status` included.
    """
    return int(sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if _of_a_pass(line)))


def _of_a_pass(line: str) -> bool:
    if not line.startswith("apiserver_request_total{"):
        return False
    labels = dict(LABEL.findall(line))
    return labels.get("resource") in PASS_RESOURCES and labels.get("verb") in PASS_VERBS
