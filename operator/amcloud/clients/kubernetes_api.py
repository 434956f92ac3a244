"""The Kubernetes API over HTTP: one keep-alive session, bounded answers, discovery, errors translated.

The official client costs 43 MiB of memory to import; the operator needs a dozen calls of it
(docs/decisions/0003-rest-client.md).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import requests
import urllib3
from requests.adapters import HTTPAdapter

from amcloud import metrics
from amcloud.clients.connection import Connection
from amcloud.errors import BrokenInstallationError, UnavailableError
from amcloud.masking import one_line
from amcloud.settings import GROUP
from amcloud.stages.objects.kinds import TIME_ZONE_FIELD
from amcloud.stages.objects.operations import Object

CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
ANSWER_MAX_BYTES: Final = 64 * 1024 * 1024
PAGE: Final = 500
DISCOVERY_S: Final = 600.0
"""Seconds after which the server is asked again what it offers."""
DISCOVERY_AGAIN_S: Final = 2.0
"""The same when a kind was not found: a CRD may just have been installed."""
MONITORING: Final = ("monitoring.coreos.com", "metrics.k8s.io")
_BUILT_IN: Final = ("apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io")
GROUPS: Final = (*_BUILT_IN, *MONITORING, GROUP)
FIELDS: Final[Mapping[str, tuple[str, str]]] = {TIME_ZONE_FIELD: ("apis/batch/v1", "io.k8s.api.batch.v1.CronJobSpec")}
"""Where the server's schema tells of fields that came within an API version."""
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


class ConflictError(UnavailableError):
    """The object exists already, or changed since it was read."""


class ForbiddenError(BrokenInstallationError):
    """The server knows who asks, and refuses: rights are missing."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Where a kind is served."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """URL path of an object, or of the collection when ``name`` is empty."""
        root = "/api" if "/" not in self.api_version else "/apis"
        within = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [*within, self.plural, name, subresource]
        return "/".join([root, self.api_version, *(quote(part, safe="") for part in parts if part)])


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a server offers: resources by (group, kind), newest version first."""

    resources: Mapping[tuple[str, str], tuple[Resource, ...]]
    minor: int
    fields: frozenset[str] = frozenset()
    """Those of :data:`FIELDS` that the server's schema has."""
    at: float = field(default_factory=time.monotonic)


class Api:
    """Calls to one API server. Threads may share it."""

    def __init__(self, connection: Connection, *, connections: int = 16) -> None:
        self._connection = connection
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc between us and the API server
        self._session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=connections))
        if connection.certificate:
            certificate, key = connection.certificate
            self._session.cert = (str(certificate), str(key))
        self._discovered: Discovery | None = None
        self._lock = threading.Lock()

    def get(self, path: str, *, doing: str, params: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The object at ``path``, or ``None`` when it is absent."""
        return self._call("GET", path, doing=doing, params=params)

    def content(self, path: str, *, doing: str, params: Mapping[str, Any] | None = None) -> bytes | None:
        """What stands at ``path``, not as JSON: a journal; ``None`` when it is absent."""
        answer, content = self._exchange("GET", path, doing=doing, params=params)
        if answer.ok and len(content) <= ANSWER_MAX_BYTES:
            return content
        if answer.status_code == requests.codes.bad_request:  # the container is not there (any more)
            return None
        _understood(answer, content, doing)
        return None

    def items(self, path: str, *, doing: str, labels: str = "") -> Iterator[Object]:
        """Every object of a collection, page by page."""
        params: dict[str, Any] = {"limit": PAGE, **({"labelSelector": labels} if labels else {})}
        while True:
            page = self._call("GET", path, doing=doing, params=params)
            if page is None:
                return
            yield from page.get("items") or []
            following = page.get("metadata", {}).get("continue")
            if not following:
                return
            params["continue"] = following

    def create(self, path: str, body: Object, *, doing: str) -> dict[str, Any] | None:
        """The object made; ``None`` when the place for it does not exist.

        Raises:
            ConflictError: it exists already.
        """
        return self._call("POST", path, doing=doing, body=body)

    def patch(
        self,
        path: str,
        body: Object | list[Object],
        *,
        doing: str,
        kind: str = MERGE_PATCH,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """The object after the patch; ``None`` when it, or the place for it, does not exist."""
        return self._call("PATCH", path, doing=doing, body=body, params=params, content_type=kind)

    def delete(self, path: str, *, doing: str) -> dict[str, Any] | None:
        """Ask for a removal, dependents in the background; ``None`` when it is absent."""
        return self._call("DELETE", path, doing=doing, body={"propagationPolicy": "Background"})

    def date(self) -> datetime | None:
        """The server's own time, in whole seconds; ``None`` when it tells none."""
        answer, _ = self._exchange("GET", "/version", doing="lecture de l'heure du cluster")
        try:
            return parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return None

    def resource(self, group: str, kind: str, versions: tuple[str, ...] = ()) -> Resource:
        """Where a kind is served: in the first of ``versions`` that is offered, else in the server's newest.

        Raises:
            BrokenInstallationError: the server does not know the kind.
        """
        for patience_s in (DISCOVERY_S, DISCOVERY_AGAIN_S):
            offered = self.discovery(max_age_s=patience_s).resources.get((group, kind), ())
            for version in versions:
                if found := next((r for r in offered if r.api_version == version), None):
                    return found
            if offered:
                return offered[0]
        what = f"{kind}.{group}" if group else kind
        raise BrokenInstallationError(f"le cluster ne connaît pas {what} : les CRD sont-elles installées ?")

    def discovery(self, *, max_age_s: float = DISCOVERY_S) -> Discovery:
        """What the server offers, asked at most every ``max_age_s`` seconds."""
        with self._lock:
            known = self._discovered
            if known is None or time.monotonic() - known.at > max_age_s:
                known = self._discovered = self._discover()
            return known

    def _discover(self) -> Discovery:
        doing = "découverte des API du cluster"
        version = self._call("GET", "/version", doing=doing) or {}
        offered = ["v1"]
        for group in (self._call("GET", "/apis", doing=doing) or {}).get("groups", []):
            if group["name"] in GROUPS:
                offered += sorted((v["groupVersion"] for v in group["versions"]), key=_newest_first)
        found: dict[tuple[str, str], tuple[Resource, ...]] = {}
        for api_version in offered:
            root = "/api" if "/" not in api_version else "/apis"
            listed = (self._call("GET", f"{root}/{api_version}", doing=doing) or {}).get("resources", [])
            group = api_version.rpartition("/")[0]
            for one in listed:
                if "/" not in one["name"]:
                    resource = Resource(api_version, one["name"], one["namespaced"])
                    found[group, one["kind"]] = (*found.get((group, one["kind"]), ()), resource)
        minor = "".join(c for c in str(version.get("minor", "")) if c.isdigit())
        fields = frozenset(name for name, (group, kind) in FIELDS.items() if self._has_field(name, group, kind, doing))
        return Discovery(found, int(minor or 0), fields)

    def _has_field(self, name: str, group: str, kind: str, doing: str) -> bool:
        """Whether the server's schema has a field, and not behind a gate that is closed unless someone opened it."""
        schemas = (
            (self._call("GET", f"/openapi/v3/{group}", doing=doing) or {}).get("components", {}).get("schemas", {})
        )
        field = schemas.get(kind, {}).get("properties", {}).get(name.rpartition(".")[2])
        # an alpha field is in the schema too; the server drops it silently, which would look like drift for ever
        return field is not None and "alpha" not in str(field.get("description", "")).lower()

    def _call(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        body: Object | list[Object] | None = None,
        params: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any] | None:
        """The answer's JSON, ``None`` for 404."""
        answer, content = self._exchange(method, path, doing=doing, body=body, params=params, content_type=content_type)
        return _understood(answer, content, doing)

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        body: Object | list[Object] | None = None,
        params: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> tuple[requests.Response, bytes]:
        """The answer and its content, of which one byte more than the bound is read at most."""
        headers = {"Content-Type": content_type, "Accept": "application/json, */*", **self._authorization(doing)}
        verify = str(self._connection.authority) if self._connection.authority else True
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        try:
            with self._session.request(
                method,
                self._connection.server + path,
                params=params,
                data=data,
                headers=headers,
                verify=verify,
                timeout=(CONNECT_S, ANSWER_S),
                allow_redirects=False,
                stream=True,
            ) as answer:
                metrics.KUBERNETES_REQUESTS.labels(_counted_as(answer.status_code)).inc()
                return answer, answer.raw.read(ANSWER_MAX_BYTES + 1, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            metrics.KUBERNETES_REQUESTS.labels("unreachable").inc()
            raise UnavailableError(f"{doing} : le cluster ne répond pas ({type(error).__name__})") from error

    def _authorization(self, doing: str) -> dict[str, str]:
        if self._connection.token_file is None:
            return {}
        try:  # read each time: the kubelet renews it
            token = self._connection.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BrokenInstallationError(f"{doing} : le jeton du compte de service est illisible") from error
        return {"Authorization": f"Bearer {token}"}


def _counted_as(status: int) -> str:
    """``403`` as itself, since a right is missing then; others by their class: ``2xx``."""
    return "403" if status == requests.codes.forbidden else f"{status // 100}xx"


def _understood(answer: requests.Response, content: bytes, doing: str) -> dict[str, Any] | None:
    if len(content) > ANSWER_MAX_BYTES:
        raise BrokenInstallationError(f"{doing} : la réponse du cluster dépasse {ANSWER_MAX_BYTES} octets")
    try:
        parsed = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        parsed = None
    if answer.status_code == requests.codes.not_found:
        return None
    if answer.ok and isinstance(parsed, dict):
        return parsed
    raise _problem(answer, parsed if isinstance(parsed, dict) else {}, doing)


def _problem(
    answer: requests.Response, parsed: Mapping[str, Any], doing: str
) -> UnavailableError | BrokenInstallationError:
    status, message = answer.status_code, one_line(str(parsed.get("message", "")), chars=400)
    said = f"{doing} : {message or 'réponse incompréhensible'} (HTTP {status})"
    codes = requests.codes
    if status == codes.forbidden and "being terminated" in message:
        return UnavailableError(f"{doing} : l'espace est en cours de suppression")
    if status in {codes.conflict, codes.forbidden}:
        return ConflictError(said) if status == codes.conflict else ForbiddenError(said)
    if status == codes.unauthorized:
        return BrokenInstallationError(f"{doing} : le cluster refuse cette identité (certificat ou jeton périmé ?)")
    if status == codes.internal_server_error and "field not declared in schema" in message:
        return BrokenInstallationError(f"{doing} : ce cluster ne connaît pas un champ des gabarits ({message})")
    if status == codes.too_many_requests or status >= codes.internal_server_error or answer.ok:
        return UnavailableError(said, retry_after_s=_retry_after_s(answer))
    return BrokenInstallationError(said)


def _retry_after_s(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() and len(text) < 6 else None  # noqa: PLR2004 - a day has five digits of seconds


def _newest_first(api_version: str) -> tuple[int, int, int]:
    """Order of Kubernetes' versions: v2, v1, v2beta2, v2beta1, v1alpha1."""
    version = api_version.rpartition("/")[2].removeprefix("v")
    for rank, word in ((1, "beta"), (2, "alpha")):
        if word in version:
            major, _, minor = version.partition(word)
            return rank, -int(major or 0), -int(minor or 0)
    return 0, -int(version if version.isdigit() else 0), 0
