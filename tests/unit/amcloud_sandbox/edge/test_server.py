"""A configuration is put in force only when nginx takes it, and one bad Ingress costs the others nothing."""

from __future__ import annotations

from collections.abc import Sequence

from amcloud_sandbox.edge.routes import Refused, Route
from amcloud_sandbox.edge.server import acceptable


def route(origin: str) -> Route:
    return Route(host=f"{origin[-1]}.localhost", path="/", exact=False, origin=origin, addresses=())


def test_only_the_ingress_that_nginx_refuses_is_left_out() -> None:
    def accepts(routes: Sequence[Route]) -> bool:
        return all(route.origin != "ns/b" for route in routes)

    kept, refused = acceptable([route("ns/a"), route("ns/b"), route("ns/c")], accepts)
    assert [one.origin for one in kept] == ["ns/a", "ns/c"]
    assert refused == (Refused("ns/b", "refusé par nginx"),)
