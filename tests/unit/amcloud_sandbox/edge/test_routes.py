"""Which Ingress rules are served, and which hostile ones are refused."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amcloud_sandbox.edge.routes import Address, Route, table

SERVICE = {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 9000}]}}
READY = {
    "subsets": [
        {
            "addresses": [{"ip": "198.18.128.7"}, {"ip": "198.18.128.5"}],
            "notReadyAddresses": [{"ip": "198.18.128.9"}],
            "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 9001}],
        }
    ]
}


def ingress(
    host: object = "a.exemple.localhost",
    path: object = "/",
    *,
    namespace: str = "lapp-a",
    name: str = "web",
    created: str = "2026-01-01T00:00:00Z",
    port: dict[str, Any] | None = None,
    path_type: str = "Prefix",
) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": port or {"number": 80}}}
    return {
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": created},
        "spec": {
            "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": path_type, "backend": backend}]}}]
        },
    }


def served(*ingresses: dict[str, Any]) -> tuple[Route, ...]:
    return table(ingresses, {("lapp-a", "web"): SERVICE}, {("lapp-a", "web"): READY}).routes


def problems(*ingresses: dict[str, Any]) -> list[str]:
    return [refused.problem for refused in table(ingresses, {}, {}).refused]


def test_a_rule_leads_to_the_ready_pods_alone() -> None:
    expected = (Address("198.18.128.5", 8080), Address("198.18.128.7", 8080))
    assert [route.addresses for route in served(ingress())] == [expected]


@pytest.mark.parametrize("port", [{"number": 9000}, {"name": "admin"}])
def test_a_port_is_found_by_number_or_by_name(port: dict[str, Any]) -> None:
    assert {address.port for address in served(ingress(port=port))[0].addresses} == {9001}


@pytest.mark.parametrize("port", [{"number": 81}, {"name": "unknown"}, {"number": "80"}])
def test_a_port_that_the_service_does_not_have_leads_nowhere(port: dict[str, Any]) -> None:
    assert served(ingress(port=port))[0].addresses == ()


def test_a_service_of_another_namespace_is_out_of_reach() -> None:
    assert served(ingress(namespace="lapp-b"))[0].addresses == ()


@pytest.mark.parametrize(
    "host",
    [
        "",
        None,
        7,
        "a.localhost;",
        "a.localhost; } server { listen 80",
        "a.localhost\n",
        "$host",
        "~^.*$",
        '"a"',
        "A.localhost",
        "*",
        "a.*.localhost",
        "-a.localhost",
        "a..localhost",
        "é.localhost",
        f"{'a' * 64}.localhost",
        ".".join(["a" * 60] * 5),
    ],
)
def test_a_host_that_is_no_plain_name_is_refused(host: object) -> None:
    assert served(ingress(host)) == ()
    assert len(problems(ingress(host))) == 1


HOSTILE_PATHS = ["", "a", "/;", "/a b", "/{", "/a\n", "/$uri", "/../etc", "/\\", '/"', "/'", "/#", "/é", 3]


@pytest.mark.parametrize("path", [*HOSTILE_PATHS, "/" + "a" * 256, "/.amcloud-edge/"])
def test_a_path_that_could_mean_something_to_nginx_is_refused(path: object) -> None:
    assert served(ingress(path=path)) == ()
    assert len(problems(ingress(path=path))) == 1


def test_a_refused_rule_leaves_the_others_alone() -> None:
    assert [route.host for route in served(ingress("bad host"), ingress("good.localhost", name="other"))] == [
        "good.localhost"
    ]


@pytest.mark.parametrize("name", ["a\n}", "a;b", ""])
def test_an_object_whose_name_is_no_name_is_refused(name: str) -> None:
    assert served(ingress(name=name)) == ()
    assert problems(ingress(name=name)) == ["nom d'objet refusé"]


def test_a_host_belongs_to_the_ingress_that_had_it_first() -> None:
    thief = ingress(namespace="lapp-z", name="a-thief", created="2026-02-01T00:00:00Z")
    found = table([thief, ingress()], {}, {})
    assert [route.origin for route in found.routes] == ["lapp-a/web"]
    assert [(refused.origin, refused.problem) for refused in found.refused] == [
        ("lapp-z/a-thief", "a.exemple.localhost/ appartient déjà à lapp-a/web")
    ]


@pytest.mark.parametrize("ip", ["127.0.0.1;", "name.invalid", "", None, "fe80::1%eth0", "1.2.3"])
def test_an_address_that_is_no_ip_address_is_left_out(ip: object) -> None:
    endpoints = {"subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "http", "port": 8080}]}]}
    found = table([ingress()], {("lapp-a", "web"): SERVICE}, {("lapp-a", "web"): endpoints})
    assert found.routes[0].addresses == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "rules", "host", "http", "paths", "path", "backend", "service", "port", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.sampled_from(["metadata", "spec"]), JSON), max_size=3))
def test_any_object_is_read_or_refused_never_a_crash(objects: list[dict[str, Any]]) -> None:
    table(objects, {("", ""): objects[0] if objects else {}}, {("", ""): objects[-1] if objects else {}})


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_served_holds_no_character_of_nginx_syntax(host: str, path: str) -> None:
    harmless = set(string.ascii_letters + string.digits + "*.-/_~@:+,=")
    for route in served(ingress(host, "/" + path)):
        assert set(route.host + route.path) <= harmless
