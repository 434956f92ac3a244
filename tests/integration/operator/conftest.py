"""The operator as a process, under its own ServiceAccount, against real servers. No node: no pod runs."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import yaml
from kubernetes import client as k8s
from kubernetes import config as k8s_config
from kubernetes.client.rest import ApiException
from patience import until
from pushed_images import push

from amcloud_sandbox.control_plane import ControlPlane, free_port
from amcloud_sandbox.forge import provision
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.testing.forge import RunningForge, running_forge
from amcloud_sandbox.testing.services import PostgresServer, RegistryServer, postgres, registry
from psram import packs

__all__ = ["postgres", "registry"]

ROOT = Path(__file__).parents[3]
GROUP, VERSION = "amcloud.cnamts.fr", "v1"
NAMESPACE, GROUP_PATH = "cpam-bas-rhin", "cpam-bas-rhin"
IMAGE_REGISTRY = "localhost:5000"  # as the nodes would name it, and as the samples name their base image
WEBHOOK_TOKEN = "jeton-webhook"
RUNNER = "usine logicielle (exemple)"
NORMS_PROJECT = "normes/psram"
SAMPLE = ROOT / "sandbox" / "apps" / "suivi-courriers"
WAIT_S = 60.0
PUSHED: dict[str, str] = {}
"""Digest of the image of each commit, which the pipeline's own file names."""
T = TypeVar("T")


@dataclass
class Cluster:
    """The control plane as its administrator uses it."""

    plane: ControlPlane
    custom: k8s.CustomObjectsApi
    core: k8s.CoreV1Api
    apps: k8s.AppsV1Api
    batch: k8s.BatchV1Api

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """kubectl of the control plane's own version."""
        program = self.plane.programs.path("kubectl")
        return subprocess.run(
            [program, "--kubeconfig", str(self.plane.kubeconfig), *arguments],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Objects as kubectl applies them."""
        done = self.kubectl("apply", "--validate=false", "-f", "-", stdin=yaml.safe_dump_all(documents))
        assert done.returncode == 0, done.stderr

    def local_app(self, name: str) -> dict[str, Any] | None:
        """The LocalApp, or ``None``."""
        try:
            found: dict[str, Any] = self.custom.get_namespaced_custom_object(
                GROUP, VERSION, NAMESPACE, "localapps", name
            )
        except ApiException as error:
            if error.status == requests.codes.not_found:
                return None
            raise
        return found

    def ready(self, name: str) -> tuple[str, str, str]:
        """Status, reason and message of ``Ready``; empty texts before the first pass."""
        found = (self.local_app(name) or {}).get("status", {}).get("conditions", [])
        condition = next((c for c in found if c["type"] == "Ready"), {})
        return condition.get("status", ""), condition.get("reason", ""), condition.get("message", "")

    def wait_reason(self, name: str, *reasons: str, timeout_s: float = WAIT_S) -> str:
        """Message of ``Ready`` once its reason is one of these."""
        deadline = time.monotonic() + timeout_s
        while (ready := self.ready(name))[1] not in reasons:
            assert time.monotonic() < deadline, f"{name} is {ready}, not {reasons}, after {timeout_s:.0f} s"
            time.sleep(0.2)
        return ready[2]


def installed(control_plane: ControlPlane) -> Cluster:
    """A control plane with CRDs and rights, as ``deploy/`` gives them, and nothing else."""
    configuration = k8s.Configuration()
    k8s_config.load_kube_config(str(control_plane.kubeconfig), client_configuration=configuration)
    api = k8s.ApiClient(configuration)
    made = Cluster(
        control_plane, k8s.CustomObjectsApi(api), k8s.CoreV1Api(api), k8s.AppsV1Api(api), k8s.BatchV1Api(api)
    )
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        done = made.kubectl("apply", "--validate=false", "-f", str(crd))
        assert done.returncode == 0, done.stderr
    for part in ("namespace.yaml", "rbac-operator.yaml", "rbac-people.yaml"):
        done = made.kubectl("apply", "-f", str(ROOT / "deploy" / "base" / part))
        assert done.returncode == 0, done.stderr
    until("CRDs served", lambda: made.kubectl("get", "localapps", "-A").returncode == 0)
    return made


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> Cluster:
    """CRDs, rights, organisations and the norm pack are installed, as ``deploy/`` and the DDSI do."""
    made = installed(control_plane)
    for code, label in (("671", "cpam-bas-rhin"), ("681", "cpam-haut-rhin")):
        made.apply(
            {"apiVersion": "v1", "kind": "Namespace",
             "metadata": {"name": label, "labels": {f"{GROUP}/organisation": code}}},
            {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Organisation", "metadata": {"name": label},
             "spec": {"code": code, "name": f"{label} (exemple)", "kind": "CPAM", "label": label,
                      "region": {"name": "Alsace", "referent": f"referent@{label}.example"}}},
        )  # fmt: skip
    made.apply(
        {"apiVersion": f"{GROUP}/{VERSION}", "kind": "NormPack", "metadata": {"name": packs.DEFAULT},
         "spec": {"version": packs.DEFAULT, "digest": packs.load().digest, "effectiveTime": "2026-01-01T00:00:00Z",
                  "enforcement": {"development": "Enforce", "acceptance": "Enforce", "production": "Enforce"}}}
    )  # fmt: skip
    return made


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    """The forge's stand-in: real git, real HTTP, no runner."""
    folder = tmp_path_factory.mktemp("forge")
    with running_forge(folder) as running:
        layout = Layout(state=folder / "state", cache=folder / "cache")
        provision.publish_pipelines(layout, url=running.url, token=running.root_token)
        yield running


def service_account_kubeconfig(cluster: Cluster, folder: Path, *, account: str = "amcloud-operator") -> Path:
    """A kubeconfig with the rights that ``deploy/`` gives to ``account`` alone."""

    def token() -> str | None:
        for secret in cluster.core.list_namespaced_secret("amcloud-system").items:
            annotations = secret.metadata.annotations or {}
            if annotations.get("kubernetes.io/service-account.name") == account and secret.data:
                return base64.b64decode(secret.data["token"]).decode()
        return None

    content = yaml.safe_load(cluster.plane.kubeconfig.read_text(encoding="utf-8"))
    content["users"] = [{"name": "operator", "user": {"token": until("the account's token", token)}}]
    content["contexts"][0]["context"]["user"] = "operator"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@dataclass
class Operator:
    """``amcloud operator`` as a process."""

    environment: Mapping[str, str]
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "operator.log"

    def start(self) -> None:
        """The process runs and answers."""
        command = [sys.executable, "-m", "amcloud", "operator", "--log-level", "debug"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=dict(self.environment), stdout=log, stderr=subprocess.STDOUT)
        until(f"operator alive, see {self.log}", self.alive)

    def alive(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text(encoding="utf-8")[-3000:]
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/sante", timeout=5).status_code == requests.codes.ok
        except requests.ConnectionError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The process is told to end; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def journal(self) -> list[dict[str, Any]]:
        """Every line of its journal."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]


@pytest.fixture(scope="session")
def operator(
    cluster: Cluster,
    forge: RunningForge,
    registry: RegistryServer,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operator]:
    """The operator runs; polling is off, so that what a push brings came by the web hook."""
    folder = tmp_path_factory.mktemp("operator")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "KUBECONFIG": str(service_account_kubeconfig(cluster, folder)),
        "AMCLOUD_DOMAIN": "amcloud.localhost",
        "AMCLOUD_URL_SCHEME": "http",
        "AMCLOUD_URL_PORT": ":8080",
        "AMCLOUD_FORGE_URL": forge.url,
        "AMCLOUD_FORGE_TOKEN": forge.user("amcloud"),
        "AMCLOUD_REGISTRY_URL": registry.url,
        "AMCLOUD_REGISTRY_NAME": IMAGE_REGISTRY,
        "AMCLOUD_DATABASE_URL": postgres.operator_url,
        "AMCLOUD_OIDC_ISSUER": "http://198.18.0.1:8931",
        "AMCLOUD_WEBHOOK_TOKEN": WEBHOOK_TOKEN,
        "AMCLOUD_PROVENANCE_KEY": base64.b64encode(bytes(32)).decode(),
        "AMCLOUD_PACKAGE_SOURCES": "http://198.18.0.1:8930",
        "AMCLOUD_ADVISORIES": str(advisories(folder / "avis.json")),
        "AMCLOUD_APPROVED_RUNNERS": RUNNER,
        "AMCLOUD_NORMS_PROJECT": NORMS_PROJECT,
        "AMCLOUD_POLL_S": "3600",
        "AMCLOUD_RESYNC_S": "3600",
        "AMCLOUD_PIPELINE_GRACE_S": "2",
        "AMCLOUD_HTTP_PORT": str(port),
        "AMCLOUD_WORKERS": "4",
    }
    made = Operator(environment, folder, port)
    made.start()
    yield made
    assert made.process is not None
    if made.process.poll() is None:
        made.stop()


def advisories(file: Path) -> Path:
    """A database of today that concerns none of the samples' packages."""
    entry = {"advisoryId": "EXEMPLE-1", "packageName": "exemple/paquet", "affectedVersions": "<1.2", "title": "Exemple"}
    content = {"dated": datetime.now(UTC).date().isoformat(), "advisories": {"exemple/paquet": [entry]}}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.fixture
def token(forge: RunningForge, cluster: Cluster) -> str:
    """The organisation's own forge token, in its Secret."""
    secret = forge.user("organisation")
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge-token", "namespace": NAMESPACE},
         "stringData": {"token": secret}}
    )  # fmt: skip
    return secret


def local_app(name: str, **spec: Any) -> dict[str, Any]:
    """A LocalApp of the sample organisation that follows the project of its name."""
    whole: dict[str, Any] = {
        "title": f"{name} (exemple)",
        "owner": {"organisation": "671"},
        "track": "homologation",
        "repository": {"project": f"{GROUP_PATH}/{name}", "credentialsRef": {"name": "forge-token"}},
        "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        "organisations": ["671", "681"],
        **spec,
    }
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "LocalApp",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {name: value for name, value in whole.items() if value is not None},
    }


def project(forge: RunningForge, operator: Operator, name: str) -> Any:
    """A project that both the organisation and the operator may use, with the operator's web hook."""
    made = forge.project(f"{GROUP_PATH}/{name}", maintainers=("organisation", "amcloud"))
    made.hooks.create(
        {"url": f"http://127.0.0.1:{operator.port}/webhooks/gitlab", "token": WEBHOOK_TOKEN, "push_events": True,
         "tag_push_events": True, "pipeline_events": True, "merge_requests_events": True, "note_events": True}
    )  # fmt: skip
    return made


def statuses(forge: RunningForge, name: str, commit: str) -> list[tuple[str, str]]:
    """Every status of the operator on a commit, oldest first."""
    found = (
        forge.client().projects.get(f"{GROUP_PATH}/{name}").commits.get(commit).statuses.list(all=True, get_all=True)
    )
    ours = sorted((s for s in found if s.name.startswith("amcloud/")), key=lambda s: s.id)
    return [(s.name, s.status) for s in ours]


def push_image(server: RegistryServer, path: str, commit: str, *, revision: str | None = None) -> None:
    """An image without layers, labelled with its commit, is in the registry; :func:`finish` says its digest."""
    labels = {"org.opencontainers.image.revision": revision or commit}
    PUSHED[commit] = push(server.url, path, commit, {"config": {"Labels": labels}})


def junit(application: Path) -> str:
    """What PHPUnit reports when every test of an application passes."""
    cases = []
    for file in sorted((application / "tests").glob("*Test.php")):
        methods = re.findall(r"public function (test\w+)", file.read_text(encoding="utf-8"))
        cases += [f'<testcase classname="App.Tests.{file.stem}" name="{name}"/>' for name in methods]
    return f"<testsuites><testsuite name='tests'>{''.join(cases)}</testsuite></testsuites>"


def finish(forge: RunningForge, name: str, commit: str, state: str = "success") -> None:
    """The newest pipeline of a commit ends, with a test report."""
    listed = forge.client().projects.get(f"{GROUP_PATH}/{name}").pipelines.list(sha=commit, get_all=True)
    pipeline = next(p for p in listed if p.source != "external")
    built = {"digest": PUSHED.get(commit, ""), "revision": commit}
    body = {
        "jobs": {"tests": "success", "build-image": state},
        "files": {"tests": {"junit.xml": junit(SAMPLE)}, "build-image": {"image.json": json.dumps(built)}},
        "runner": RUNNER,
    }
    forge.internal("POST", f"/pipelines/{pipeline.id}/finish", body)
