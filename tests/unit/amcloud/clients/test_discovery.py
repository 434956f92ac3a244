"""API versions come from what a server says that it offers: a current one, an old one, one in between."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud.cli import render as command
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.connection import Connection
from amcloud.clients.kubernetes_api import Api
from amcloud.errors import BrokenInstallationError
from amcloud.stages.objects.kinds import TIME_ZONE_FIELD, VERSIONS, Offers, api_version

ROOT = Path(__file__).parents[4]
CURRENT = ROOT / "tests" / "data" / "discovery" / "kubernetes-1.34.yaml"
PAGE = ROOT / "docs" / "versions-kubernetes.md"
NEWEST = 34
Documents = dict[str, Any]


def documents(described: Mapping[str, Any]) -> Documents:
    """Discovery documents, by path, of a server that is described as in ``tests/data/discovery``."""
    found: Documents = {"/version": described["version"]}
    groups: dict[str, list[str]] = {}
    for version, kinds in described["resources"].items():
        listed = [
            {"name": plural, "kind": kind, "namespaced": namespaced} for kind, (plural, namespaced) in kinds.items()
        ]
        status = [{**one, "name": f"{one['name']}/status"} for one in listed]
        root = "/apis" if "/" in version else "/api"
        found[f"{root}/{version}"] = {"kind": "APIResourceList", "resources": [*listed, *status]}
        if "/" in version:
            groups.setdefault(version.partition("/")[0], []).append(version)
    listed_groups = [{"name": g, "versions": [{"groupVersion": v} for v in versions]} for g, versions in groups.items()]
    found["/apis"] = {"kind": "APIGroupList", "groups": listed_groups}
    if described.get("schemas"):
        schemas = {
            name: {"properties": {field: {"description": words} for field, words in fields.items()}}
            for name, fields in described["schemas"].items()
        }
        found["/openapi/v3/apis/batch/v1"] = {"components": {"schemas": schemas}}
    return found


@contextmanager
def server(found: Documents) -> Iterator[tuple[str, list[str]]]:
    """Address of a server that answers with ``found``, 404 else, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(found.get(self.path, {"kind": "Status", "code": 404})).encode()
            self.send_response(200 if self.path in found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}", asked
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def offers(found: Documents) -> Offers:
    with server(found) as (address, _):
        return KubernetesCluster(Api(Connection(address, None))).offers()


def described() -> dict[str, Any]:
    return dict(yaml.load(CURRENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def chosen(offered: Offers) -> dict[str, str | None]:
    return {kind: api_version(kind, offered) for kind in VERSIONS}


def test_a_current_server_gets_the_newest_of_every_kind() -> None:
    found = offers(documents(described()))
    assert chosen(found) == {kind: versions[0] for kind, versions in VERSIONS.items()}
    assert (found.minor, found.fields) == (NEWEST, {TIME_ZONE_FIELD})


def test_only_the_groups_that_we_use_are_asked_for() -> None:
    with server(documents(described())) as (address, asked):
        cluster = KubernetesCluster(Api(Connection(address, None)))
        cluster.offers()
        cluster.offers()
    assert len(asked) == len(set(asked))
    assert not [path for path in asked if "flowcontrol" in path or "events.k8s.io" in path]


def test_the_versions_said_are_believed_and_the_number_of_the_server_is_not() -> None:
    """A server that calls itself old and offers what is new gets what is new, and the other way round."""
    new, old = described(), described()
    new["version"] = {"major": "1", "minor": "20+"}
    found = offers(documents(new))
    assert (found.minor, chosen(found)["PodDisruptionBudget"], found.fields) == (20, "policy/v1", {TIME_ZONE_FIELD})
    old["resources"]["policy/v1beta1"] = old["resources"].pop("policy/v1")
    old["resources"]["batch/v1beta1"] = {"CronJob": old["resources"]["batch/v1"].pop("CronJob")}
    old["schemas"] = {}
    found = offers(documents(old))
    assert (found.minor, chosen(found)["PodDisruptionBudget"], found.fields) == (NEWEST, "policy/v1beta1", frozenset())
    assert chosen(found)["CronJob"] == "batch/v1beta1"


def test_a_field_behind_a_closed_gate_is_not_used() -> None:
    """1.24 has it in its schema and drops it, which would look like drift for ever."""
    gated = described()
    gated["schemas"]["io.k8s.api.batch.v1.CronJobSpec"]["timeZone"] = "This is alpha-level and needs CronJobTimeZone."
    assert offers(documents(gated)).fields == frozenset()


def test_a_server_without_a_kind_that_is_needed_is_said_when_it_is_used() -> None:
    bare = described()
    del bare["resources"]["networking.k8s.io/v1"]
    found = offers(documents(bare))
    assert chosen(found)["Ingress"] is None
    with server(documents(bare)) as (address, _), pytest.raises(BrokenInstallationError, match="Ingress"):
        Api(Connection(address, None)).resource("networking.k8s.io", "Ingress")


@pytest.mark.parametrize("minor", range(20, NEWEST + 1))
def test_every_server_from_1_20_on_has_a_version_of_every_kind_that_is_needed(minor: int) -> None:
    found = chosen(command._offers(minor))
    assert None not in found.values()


def test_what_installs_us_is_served_by_a_current_server() -> None:
    """The parts for 1.20 are in folders of that name; the real server of the integration tests takes those."""
    served = {(version, kind) for version, kinds in described()["resources"].items() for kind in kinds}
    files = [*(ROOT / "deploy").rglob("*.yaml"), *(ROOT / "crds").glob("*.yaml")]
    current = [file for file in files if not file.parent.name.endswith("-1.20") and file.name != "kustomization.yaml"]
    documents_ = [
        one for file in current for one in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    ]
    installed = {(one["apiVersion"], one["kind"]) for one in documents_ if isinstance(one, dict) and "kind" in one}
    assert len(installed) > 10
    assert installed <= served


def test_render_knows_the_same_of_a_current_server_as_that_server_says() -> None:
    told, computed = offers(documents(described())), command._offers(NEWEST)
    assert (chosen(computed), computed.fields) == (chosen(told), told.fields)


def test_the_page_says_which_version_each_server_gets() -> None:
    """Rows of docs/versions-kubernetes.md: a kind, then for each span of servers the version that it gets."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {kind: _spans(told) for kind, told in rows} == {kind: _computed(kind) for kind in VERSIONS}


def _spans(told: str) -> list[tuple[str, int]]:
    return [(version, int(since)) for version, since in re.findall(r"`([^`]+)` depuis 1\.(\d+)", told)]


def _computed(kind: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for minor in range(20, NEWEST + 1):
        version = api_version(kind, command._offers(minor))
        assert version is not None
        if not found or found[-1][0] != version:
            found.append((version, minor))
    return found
