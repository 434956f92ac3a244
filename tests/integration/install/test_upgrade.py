"""Upgrade on a real API server: objects stored under an earlier version's definitions stay whole and may be changed.

``previous/<version>/`` holds the definitions of that version, and ``samples/`` objects that people wrote then.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud_sandbox import control_plane as planes
from amcloud_sandbox.control_plane import ControlPlane

ROOT = Path(__file__).parents[3]
PREVIOUS = Path(__file__).parent / "previous"
VERSIONS = sorted(folder.name for folder in PREVIOUS.iterdir())
GROUP = "amcloud.cnamts.fr"
CONDITION = {
    "type": "Ready", "status": "True", "reason": "Serving", "message": "En service",
    "lastTransitionTime": "2026-03-02T08:00:00Z",
}  # fmt: skip
STATUS = {
    "observedGeneration": 1, "organisationsServed": 2, "cost": {"yearlyEuros": 3600}, "conditions": [CONDITION],
    "stages": [{"name": "production", "deployedCommit": "1" * 40, "history": [{"commit": "1" * 40}]}],
}  # fmt: skip


class Server:
    """kubectl on one control plane."""

    def __init__(self, plane: ControlPlane) -> None:
        self.program, self.kubeconfig = plane.programs.path("kubectl"), str(plane.kubeconfig)

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "--kubeconfig", self.kubeconfig, *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def must(self, *arguments: str, stdin: str | None = None) -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def all(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every object of ours, by kind and name."""
        kinds = "localapps,conformancereports,normpacks,organisations"
        listed = json.loads(self.must("get", kinds, "-A", "-o", "json"))["items"]
        return {(one["kind"], one["metadata"]["name"]): one for one in listed}

    def define(self, folder: Path) -> None:
        """The definitions of a folder, served."""
        for path in sorted(folder.glob("*.yaml")):
            self.must("apply", "--validate=false", "-f", str(path))
            name = yaml.safe_load(path.read_text(encoding="utf-8"))["metadata"]["name"]
            self.must("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Server, dict[tuple[str, str], dict[str, Any]]]]:
    """A server that was upgraded, and the objects as they were before."""
    folder = PREVIOUS / request.param
    with planes.temporary(print) as plane:
        made = Server(plane)
        made.define(folder)
        made.must("create", "namespace", "cpam-bas-rhin")
        for sample in sorted((folder / "samples").glob("*.yaml")):
            served(made, sample)
        patch = json.dumps([{"op": "add", "path": "/status", "value": STATUS}])
        path = f"/apis/{GROUP}/v1/namespaces/cpam-bas-rhin/localapps/suivi-courriers-exemple/status"
        write_status(plane, path, patch)
        before = made.all()
        made.define(ROOT / "crds")
        yield made, before


def served(server: Server, sample: Path) -> None:
    """The sample is stored; a definition that was just made may take a moment to be served."""
    for _ in range(50):
        done = server.run("apply", "--validate=false", "-f", str(sample))
        if done.returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(done.stderr)


def write_status(plane: ControlPlane, path: str, patch: str) -> None:
    """kubectl 1.20 has no ``--subresource``: the operator's own client writes it."""
    from amcloud.clients.connection import from_kubeconfig
    from amcloud.clients.kubernetes_api import JSON_PATCH, Api

    assert Api(from_kubeconfig(plane.kubeconfig)).patch(path, json.loads(patch), doing="état", kind=JSON_PATCH)


def without_bookkeeping(found: dict[str, Any]) -> dict[str, Any]:
    volatile = {"managedFields", "resourceVersion", "generation", "annotations"}
    metadata = {name: value for name, value in found["metadata"].items() if name not in volatile}
    return {**found, "metadata": metadata}


def test_every_stored_object_is_read_as_it_was_status_included(server: Any) -> None:
    upgraded, before = server
    assert {kind for kind, _ in before} == {"LocalApp", "ConformanceReport", "NormPack", "Organisation"}
    after = upgraded.all()
    for key, found in before.items():
        assert without_bookkeeping(after[key]) == without_bookkeeping(found), key
    assert after["LocalApp", "suivi-courriers-exemple"]["status"] == STATUS


def test_every_stored_object_may_still_be_written(server: Any) -> None:
    upgraded, before = server
    for (kind, name), found in before.items():
        where = ["-n", found["metadata"]["namespace"]] if "namespace" in found["metadata"] else []
        upgraded.must("annotate", f"{kind.lower()}.{GROUP}", name, *where, "--overwrite", "essai=oui")


def test_what_people_wrote_then_may_be_applied_again(server: Any) -> None:
    upgraded, _ = server
    for version in VERSIONS:
        for sample in sorted((PREVIOUS / version / "samples").glob("*.yaml")):
            assert "configured" not in upgraded.must("apply", "--validate=false", "-f", str(sample))


def test_an_object_of_today_is_taken_beside_them(server: Any) -> None:
    upgraded, _ = server
    for sample in ("organisations.yaml", "localapp.yaml"):
        upgraded.must("apply", "--validate=false", "-f", str(ROOT / "crds" / "samples" / "valid" / sample))
    assert upgraded.all()["Organisation", "cpam-bas-rhin"]["spec"]["quota"]["instances"] == 12
