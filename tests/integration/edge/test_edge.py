"""The entry follows Ingress and Endpoints objects of a real API server; the test's own HTTP servers play the pods."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from kubernetes import client, config

from amcloud_sandbox import network, processes
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.identity import edge_session
from amcloud_sandbox.layout import HOST_IP, Layout
from amcloud_sandbox.parts.edge import Edge
from amcloud_sandbox.testing.services import ENDS_WITH_US, free_port, temporary_layout

NAMESPACE = "default"
FOLLOWS_WITHIN_S = 5.0
BESIDE_S = 0.4


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> client.ApiClient:
    configuration = client.Configuration()
    config.load_kube_config(str(control_plane.kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    return client.ApiClient(configuration)


@pytest.fixture(scope="module")
def edge(control_plane: ControlPlane) -> Iterator[str]:
    """Address of an entry that follows the test's API server."""
    with started(control_plane) as (part, _):
        yield f"http://127.0.0.1:{part.port}"


@contextlib.contextmanager
def started(control_plane: ControlPlane) -> Iterator[tuple[Edge, Layout]]:
    part = Edge(hosts=("127.0.0.1",), port=free_port(), launcher=ENDS_WITH_US)
    with temporary_layout() as layout:
        layout.state.mkdir()
        shutil.copy(control_plane.kubeconfig, layout.kubeconfig)
        try:
            part.up(layout, print)
            yield part, layout
        finally:
            part.down(layout)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An address of this machine that the API server takes in Endpoints (it refuses 127.0.0.1): the sandbox's own."""
    present = network.host_address_present()
    network.ensure_host_address()
    yield HOST_IP
    if not present:
        network.remove_host_address()


@contextlib.contextmanager
def application(name: str, address: str, pause_s: float = 0) -> Iterator[int]:
    """The port of an HTTP server that answers with its name and what it was told of the request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(pause_s)
            told = "|".join(self.headers.get(header, "") for header in ("Host", "X-Forwarded-For", "X-Forwarded-Proto"))
            body = f"{name} {self.path} {told}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "session=1; Path=/")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
            del format, arguments

    server = ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class World:
    """The objects of one application, made by hand."""

    api: client.ApiClient
    name: str

    def endpoints(self, *ports: int, ip: str = HOST_IP) -> Any:  # the client also takes dictionaries
        subsets = [{"addresses": [{"ip": ip}], "ports": [{"name": "http", "port": port}]} for port in ports]
        return {"metadata": {"name": self.name}, "subsets": subsets}

    def ingress(self, host: str, path: str = "/", service: str | None = None) -> Any:
        backend = {"service": {"name": service or self.name, "port": {"number": 80}}}
        paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
        return {"metadata": {"name": self.name}, "spec": {"rules": [{"host": host, "http": {"paths": paths}}]}}

    def create(self, host: str, *ports: int) -> None:
        core = client.CoreV1Api(self.api)
        service: Any = {"metadata": {"name": self.name}, "spec": {"ports": [{"name": "http", "port": 80}]}}
        core.create_namespaced_service(NAMESPACE, service)
        core.create_namespaced_endpoints(NAMESPACE, self.endpoints(*ports))
        client.NetworkingV1Api(self.api).create_namespaced_ingress(NAMESPACE, self.ingress(host))

    def point_to(self, *ports: int) -> None:
        client.CoreV1Api(self.api).replace_namespaced_endpoints(self.name, NAMESPACE, self.endpoints(*ports))

    def edit(self, host: str, path: str = "/", service: str | None = None) -> None:
        client.NetworkingV1Api(self.api).replace_namespaced_ingress(
            self.name, NAMESPACE, self.ingress(host, path, service)
        )

    def delete_ingress(self) -> None:
        client.NetworkingV1Api(self.api).delete_namespaced_ingress(self.name, NAMESPACE)


@pytest.fixture
def world(api: client.ApiClient, request: pytest.FixtureRequest) -> Iterator[World]:
    found = World(api, "web-" + format(abs(hash(request.node.name)), "x")[:8])
    yield found
    for delete in (
        client.NetworkingV1Api(api).delete_namespaced_ingress,
        client.CoreV1Api(api).delete_namespaced_endpoints,
        client.CoreV1Api(api).delete_namespaced_service,
    ):
        with contextlib.suppress(client.ApiException):
            delete(found.name, NAMESPACE, _preload_content=False)  # the client cannot read what 1.20 answers


def get(edge: str, host: str, path: str = "/") -> requests.Response:
    return requests.get(edge + path, headers={"Host": host}, timeout=10)


def soon(condition: Callable[[], bool]) -> float:
    """Seconds until the condition was true for good; fails when it does not become so.

    On a reload nginx lets the workers of before answer a tenth of a second beside the new ones.
    """
    began = time.monotonic()
    since: float | None = None
    while since is None or time.monotonic() - since < BESIDE_S:
        if not condition():
            assert time.monotonic() - began < FOLLOWS_WITHIN_S, "the entry did not follow"
            since = None
        elif since is None:
            since = time.monotonic()
        time.sleep(0.02)
    return since - began


def test_an_ingress_edited_by_hand_changes_the_route(edge: str, world: World, address: str) -> None:
    with application("one", address) as port:
        world.create("one.exemple.localhost", port)
        soon(lambda: get(edge, "one.exemple.localhost").text.startswith("one / "))
        world.edit("autre.exemple.localhost")
        soon(lambda: get(edge, "autre.exemple.localhost").status_code == 200)
        assert get(edge, "one.exemple.localhost").status_code == 404
        world.edit("autre.exemple.localhost", "/api")
        soon(lambda: get(edge, "autre.exemple.localhost").status_code == 404)
        assert get(edge, "autre.exemple.localhost", "/api/x").text.startswith("one /api/x ")
        assert get(edge, "autre.exemple.localhost", "/apix").status_code == 404
        world.delete_ingress()
        soon(lambda: get(edge, "autre.exemple.localhost", "/api").status_code == 404)


def test_an_application_is_told_who_asks_and_cannot_be_told_otherwise(edge: str, world: World, address: str) -> None:
    with application("told", address) as port:
        world.create("told.exemple.localhost", port)
        soon(lambda: get(edge, "told.exemple.localhost").status_code == 200)
        answer = requests.get(
            edge, headers={"Host": "told.exemple.localhost", "X-Forwarded-For": "6.6.6.6"}, timeout=10
        )
        assert answer.text == "told / told.exemple.localhost|127.0.0.1|http"


def test_an_application_without_a_ready_pod_has_a_page_in_french_that_says_so(
    edge: str, world: World, address: str
) -> None:
    with application("gone", address) as port:
        world.create("gone.exemple.localhost", port)
        soon(lambda: get(edge, "gone.exemple.localhost").status_code == 200)
        world.point_to()
        soon(lambda: get(edge, "gone.exemple.localhost").status_code == 503)
    answer = get(edge, "gone.exemple.localhost")
    assert "momentanément indisponible" in answer.text
    post = requests.post(edge, headers={"Host": "gone.exemple.localhost"}, data="x", timeout=10)
    assert (post.status_code, "momentanément" in post.text) == (503, True)


def test_an_unknown_host_has_a_page_that_says_so(edge: str) -> None:
    answer = get(edge, "personne.exemple.localhost")
    assert (answer.status_code, "Adresse inconnue" in answer.text) == (404, True)


def test_a_bad_ingress_is_left_out_and_the_others_are_served(edge: str, world: World, address: str) -> None:
    with application("good", address) as port:
        world.create("good.exemple.localhost", port)
        networking = client.NetworkingV1Api(world.api)
        bad = World(world.api, f"{world.name}-bad").ingress("bad.exemple.localhost", "/a;}")
        networking.create_namespaced_ingress(NAMESPACE, bad)
        try:
            soon(lambda: get(edge, "good.exemple.localhost").status_code == 200)
            world.edit("good2.exemple.localhost")
            soon(lambda: get(edge, "good2.exemple.localhost").status_code == 200)
            assert get(edge, "bad.exemple.localhost", "/a;}").status_code == 404
        finally:
            networking.delete_namespaced_ingress(bad["metadata"]["name"], NAMESPACE)


def test_moving_from_pod_to_pod_loses_no_request(edge: str, world: World, address: str) -> None:
    """Endpoints change forty times under load, half of the time with a dead address among them."""
    host = "moving.exemple.localhost"
    dead = free_port()
    with application("blue", address, 0.01) as blue, application("green", address, 0.01) as green:
        world.create(host, blue)
        soon(lambda: get(edge, host).status_code == 200)
        outcomes: list[str] = []
        over = threading.Event()

        def ask(method: str) -> None:
            session = requests.Session()
            while not over.is_set():
                try:
                    answer = session.request(method, edge, headers={"Host": host}, data=b"x", timeout=10)
                    outcomes.append(f"{answer.status_code} {answer.text.split(' ')[0]}")
                except requests.RequestException as error:
                    outcomes.append(repr(error))

        threads = [threading.Thread(target=ask, args=(method,)) for method in ("GET", "POST", "GET", "POST")]
        for thread in threads:
            thread.start()
        for turn in range(40):
            world.point_to(*([blue, dead], [green], [green, dead], [blue])[turn % 4])
            time.sleep(0.1)
        over.set()
        for thread in threads:
            thread.join()
    assert set(outcomes) == {"200 blue", "200 green"}
    assert len(outcomes) > 200


def test_a_session_of_the_sandbox_reaches_hosts_by_name_and_keeps_cookies_apart(
    edge: str, world: World, address: str
) -> None:
    with application("named", address) as port:
        world.create("a.amcloud.localhost", port)
        soon(lambda: get(edge, "a.amcloud.localhost").status_code == 200)
        session = edge_session(edge)
        answer = session.get("http://a.amcloud.localhost:8080/x", timeout=10)
    assert answer.text == "named /x a.amcloud.localhost:8080|127.0.0.1|http"
    assert answer.url == "http://a.amcloud.localhost:8080/x"
    assert [cookie.domain for cookie in session.cookies] == ["a.amcloud.localhost"]


def test_nginx_goes_on_serving_while_the_controller_is_started_again(
    control_plane: ControlPlane, world: World, address: str
) -> None:
    with application("steady", address) as port, started(control_plane) as (part, layout):
        here = f"http://127.0.0.1:{part.port}"
        world.create("steady.exemple.localhost", port)
        # each of nginx's processes knows it: for a moment an older one still answers
        soon(lambda: all(get(here, "steady.exemple.localhost").status_code == 200 for _ in range(10)))
        part.up(layout, print)  # once more changes nothing
        processes.stop("edge-controller", layout=layout)
        assert not part.healthy(layout)
        assert get(here, "steady.exemple.localhost").status_code == 200
        world.edit("steady2.exemple.localhost")
        part.up(layout, print)
        assert get(here, "steady2.exemple.localhost").status_code == 200
        assert get(here, "steady.exemple.localhost").status_code == 404
