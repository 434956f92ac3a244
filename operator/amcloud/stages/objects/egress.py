"""Where the pods of an instance may go, as a NetworkPolicy can say it: ports and networks, never names."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from amcloud.stages.declared.connectors import Link

_DEFAULT_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432}


def allowed(services: tuple[str, ...], networks: tuple[str, ...], links: tuple[Link, ...]) -> list[dict[str, Any]]:
    """Where pods may go: the platform's own services, and the connectors that are open, each by its address.

    A service that is given by name is in one of ``networks``, or, when the platform does not say them, anywhere.
    """
    places = [(target(url), networks or ("",)) for url in services]
    places += [(target(link.url), link.cidrs) for link in links if link.open]
    listed = [
        {"port": one["port"], "cidr": cidr}
        for one, cidrs in places
        if one is not None
        for cidr in ((one["cidr"],) if one["cidr"] else cidrs)
    ]
    return [one for index, one in enumerate(listed) if one not in listed[:index]]


def target(url: str) -> dict[str, Any] | None:
    """Port of a URL's host and, where the host is an address, its CIDR."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if port is None:
        return None
    try:
        cidr = str(ipaddress.ip_network(parts.hostname or ""))
    except ValueError:
        cidr = ""
    return {"port": port, "cidr": cidr}
