"""The text of nginx's configuration. After a wanted change: copy the text that the failure shows to the golden file."""

from __future__ import annotations

from pathlib import Path

import pytest

from amcloud_sandbox.edge.nginx import configuration
from amcloud_sandbox.edge.routes import Address, Route

GOLDEN = Path(__file__).parent / "golden" / "two-hosts.conf"
PODS = (Address("198.18.128.5", 8080), Address("198.18.128.7", 8080))
V6 = (Address("fd00::5", 8080),)


def route(host: str = "a.localhost", path: str = "/", *, exact: bool = False, to: tuple[Address, ...] = PODS) -> Route:
    return Route(host=host, path=path, exact=exact, origin="lapp-a/web", addresses=to)


def text(*routes: Route) -> str:
    return configuration(sorted(routes), listen=("127.0.0.1:8080", "198.18.0.1:8080"), folder=Path("/folder"))


def test_the_configuration_of_two_hosts_is_the_golden_one() -> None:
    routes = (route(), route(path="/api", to=V6), route("b.localhost", "/x", exact=True, to=()))
    assert text(*routes) == GOLDEN.read_text(encoding="utf-8")


def test_the_same_routes_give_the_same_text_so_that_nothing_is_reloaded_for_nothing() -> None:
    assert text(route(), route("b.localhost")) == text(route("b.localhost"), route())


def test_hosts_with_the_same_pods_share_one_upstream() -> None:
    assert text(route(), route("b.localhost")).count("upstream pods_") == 1


def test_a_prefix_stands_for_whole_path_elements() -> None:
    found = text(route(path="/api"))
    assert "location = /api {" in found
    assert "location /api/ {" in found
    assert "location /api {" not in found


def test_an_exact_path_wins_over_the_same_prefix() -> None:
    found = text(route(path="/api", exact=True, to=V6), route(path="/api"))
    assert found.count("location = /api {") == 1
    exact = found.split("location = /api {")[1].split("}")[0]
    prefix = found.split("location /api/ {")[1].split("}")[0]
    assert exact != prefix


def test_a_path_that_no_rule_names_is_unknown_and_never_a_file_of_the_entry() -> None:
    assert text(route(path="/api")).count("return 404;") == 2
    assert text(route()).count("return 404;") == 1


def test_a_service_without_a_ready_pod_is_unavailable() -> None:
    assert "return 503;" in text(route(to=()))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("a.localhost", "server_name a.localhost;"), ("*.a.localhost", r'server_name "~^[a-z0-9-]+\.a\.localhost$";')],
)
def test_a_wildcard_stands_for_one_label(host: str, expected: str) -> None:
    assert expected in text(route(host))
