"""Which host and path lead to which pods: decided from the cluster's objects, pure.

Every object may have been written by anybody: a name that could mean something to nginx is refused, with a reason,
and refuses its own rule alone. Differences with a production controller: no TLS, no annotation, and an Ingress
without a host is refused (it would take the hosts of all the others).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(\*\.)?({LABEL}\.)*{LABEL}")
RESERVED = "/.amcloud-edge"  # the entry's own pages
PATH = re.compile(r"/[A-Za-z0-9._~/@:+,=-]*")
HOST_CHARACTERS = 253
PATH_CHARACTERS = 256
LARGEST_PORT = 65_535

Object = Mapping[str, Any]
Key = tuple[str, str]  # namespace, name


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A pod that is ready: IP address (no name) and port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One rule: requests for ``host`` and ``path`` go to one of ``addresses`` (none: the service is unavailable)."""

    host: str
    path: str
    exact: bool
    origin: str  # "namespace/name" of the Ingress, for messages
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule that is not served, and why."""

    origin: str
    problem: str


@dataclass(frozen=True, slots=True)
class Table:
    """All routes (one a host and path, sorted) and what was refused."""

    routes: tuple[Route, ...]
    refused: tuple[Refused, ...]


def table(ingresses: Iterable[Object], services: Mapping[Key, Object], endpoints: Mapping[Key, Object]) -> Table:
    """The routes asked for by ``ingresses``; where two ask for the same host and path, the older Ingress has it."""
    routes: dict[tuple[str, str, bool], Route] = {}
    refused: list[Refused] = []
    for ingress in sorted(ingresses, key=_age):
        origin = "/".join(_key(ingress))
        if not all(HOST.fullmatch(part) for part in _key(ingress)):
            refused.append(Refused(repr(origin[:80]), "nom d'objet refusé"))
            continue
        for rule in _dicts(_dict(ingress.get("spec")).get("rules")):
            for outcome in _rule(rule, _key(ingress), services, endpoints):
                if isinstance(outcome, str):
                    refused.append(Refused(origin, outcome))
                    continue
                known = routes.setdefault((outcome.host, outcome.path, outcome.exact), outcome)
                if known.origin != origin:
                    refused.append(Refused(origin, f"{outcome.host}{outcome.path} appartient déjà à {known.origin}"))
    return Table(tuple(sorted(routes.values())), tuple(refused))


def _age(ingress: Object) -> tuple[str, str, str]:
    return (str(_dict(ingress.get("metadata")).get("creationTimestamp") or ""), *_key(ingress))


def _key(item: Object) -> Key:
    metadata = _dict(item.get("metadata"))
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _rule(
    rule: Object, ingress: Key, services: Mapping[Key, Object], endpoints: Mapping[Key, Object]
) -> Iterator[Route | str]:
    host = rule.get("host")
    if not isinstance(host, str) or len(host) > HOST_CHARACTERS or not HOST.fullmatch(host):
        yield f"nom d'hôte refusé : {str(host)[:80]!r}"
        return
    for entry in _dicts(_dict(rule.get("http")).get("paths")):
        path = entry.get("path", "/")
        if not isinstance(path, str) or not _plain(path):
            yield f"chemin refusé : {str(path)[:80]!r}"
            continue
        yield Route(
            host=host,
            path=path,
            exact=entry.get("pathType") == "Exact",
            origin="/".join(ingress),
            addresses=_addresses(_dict(_dict(entry.get("backend")).get("service")), ingress[0], services, endpoints),
        )


def _plain(path: str) -> bool:
    if len(path) > PATH_CHARACTERS or not PATH.fullmatch(path):
        return False
    return ".." not in path and not path.startswith(RESERVED)


def _addresses(
    backend: Object, namespace: str, services: Mapping[Key, Object], endpoints: Mapping[Key, Object]
) -> tuple[Address, ...]:
    """Ready addresses of the service that ``backend`` names; an Ingress reaches its own namespace only."""
    key = (namespace, str(backend.get("name")))
    wanted = _dict(backend.get("port"))
    for port in _dicts(_dict(_dict(services.get(key)).get("spec")).get("ports")):
        by_name = wanted.get("name") and port.get("name") == wanted.get("name")
        if by_name or (wanted.get("number") is not None and port.get("port") == wanted.get("number")):
            return tuple(sorted(set(_ready(_dict(endpoints.get(key)), str(port.get("name") or "")))))
    return ()


def _ready(endpoint: Object, port_name: str) -> Iterator[Address]:
    for subset in _dicts(endpoint.get("subsets")):
        for port in _dicts(subset.get("ports")):
            if str(port.get("name") or "") != port_name:
                continue
            for address in _dicts(subset.get("addresses")):
                found = _address(address.get("ip"), port.get("port"))
                if found:
                    yield found


def _address(ip: object, port: object) -> Address | None:
    if not isinstance(ip, str) or not isinstance(port, int) or not 0 < port <= LARGEST_PORT:
        return None
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return None
    # "%" starts a zone in IPv6 and has no place in a configuration file.
    return None if "%" in ip else Address(str(parsed), port)


def _dict(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> Iterator[Object]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
