"""Attestations and retention on a real registry and a real API server."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from pushed_images import push

from amcloud.clients.attestations import tag
from amcloud.clients.kubernetes_api import Api
from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud.errors import UnavailableError
from amcloud.settings import GROUP
from amcloud.stages.render import Revision
from amcloud_sandbox.control_plane import ControlPlane
from amcloud_sandbox.testing.services import RegistryServer, free_port, registry

from .conftest import Passes, local_app, parsed
from .test_cluster import installed

__all__ = ["installed", "registry"]

PROJECT = "cpam-bas-rhin/essai-images"
KEY = base64.b64encode(bytes(range(32))).decode()
OLD = "2020-01-01T00:00:00Z"
ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


def image(server: RegistryServer, letter: str, *, created: str = OLD, project: str = PROJECT) -> Revision:
    """A commit and its image in the registry."""
    commit = letter * 40
    labels = {"org.opencontainers.image.revision": commit}
    digest = push(server.url, project, commit, {"created": created, "config": {"Labels": labels}})
    return Revision(commit, f"{server.name}/{project}@{digest}")


def present(server: RegistryServer, reference: str, *, project: str = PROJECT) -> bool:
    return requests.get(f"{server.url}/v2/{project}/manifests/{reference}", headers=ACCEPT, timeout=10).ok


def digest(revision: Revision) -> str:
    return revision.image.rpartition("@")[2]


def prune(plane: ControlPlane, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), "AMCLOUD_REGISTRY_URL": url}
    argv = (sys.executable, "-m", "amcloud", "images", "prune", *options)
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_an_attestation_lies_beside_its_image_and_is_read_back(registry: RegistryServer) -> None:
    client, signer = OciRegistry(registry.url, registry.name), Signer(KEY)
    made = image(registry, "a")
    assert client.attached(PROJECT, tag(digest(made))) is None
    client.attach(PROJECT, tag(digest(made)), signer.envelope({"un": 1}))
    client.attach(PROJECT, tag(digest(made)), signer.envelope({"deux": 2}))
    found = client.attached(PROJECT, tag(digest(made)))
    assert found is not None
    assert signer.opened(found).statement == {"deux": 2}


def test_a_registry_that_is_away_is_told_as_such() -> None:
    client = OciRegistry(f"http://127.0.0.1:{free_port()}", "x")
    with pytest.raises(UnavailableError, match="ne répond pas"):
        client.attach(PROJECT, "sha256-x.att", b"{}")


def status(api: Api, name: str, **stage: Any) -> None:
    path = api.resource(GROUP, "LocalApp").path("cpam-bas-rhin", name, "status")
    assert api.patch(path, {"status": {"stages": [{"name": "acceptance", **stage}]}}, doing="test")


def test_what_is_deployed_kept_or_awaited_stays_and_the_rest_goes(
    registry: RegistryServer, control_plane: ControlPlane, api: Api, passes: Passes
) -> None:
    deployed, kept, awaited, unused = (image(registry, letter) for letter in "bcde")
    recent = image(registry, "f", created=datetime.now(UTC).isoformat())
    base = image(registry, "1", project="amcloud/php-base")
    client, signer = OciRegistry(registry.url, registry.name), Signer(KEY)
    for made in (deployed, unused):
        client.attach(PROJECT, tag(digest(made)), signer.envelope({"image": made.image}))
    found = local_app("essai-images")
    found["spec"]["repository"]["project"] = PROJECT  # type: ignore[index]
    api.create(api.resource(GROUP, "LocalApp").path("cpam-bas-rhin"), found, doing="test")
    history = [{"commit": kept.commit, "image": kept.image, "deployedTime": OLD}]
    status(api, "essai-images", lastAttemptedCommit=awaited.commit, history=history)
    passes.run(parsed(found), deployed)  # its Deployment and inventory name the image, the status does not

    told = prune(control_plane, registry.url, "--dry-run", "--output", "json")
    assert told.returncode == 0, told.stderr
    going = {row["digest"] for row in json.loads(told.stdout)["images"] if row["goes"]}
    assert digest(unused) in going and digest(deployed) not in going
    assert present(registry, digest(unused))

    done = prune(control_plane, registry.url)
    assert done.returncode == 0, done.stderr
    stays = [present(registry, digest(one)) for one in (deployed, kept, awaited, recent)]
    assert stays == [True] * 4
    assert present(registry, tag(digest(deployed)))
    assert not present(registry, digest(unused)) and not present(registry, unused.commit)
    assert not present(registry, tag(digest(unused)))
    assert present(registry, digest(base), project="amcloud/php-base")


def test_doubt_removes_nothing(registry: RegistryServer, control_plane: ControlPlane, tmp_path: Path) -> None:
    assert prune(control_plane, f"http://127.0.0.1:{free_port()}").returncode == 2
    alone = image(registry, "9")
    env = {**os.environ, "KUBECONFIG": str(tmp_path / "absent"), "AMCLOUD_REGISTRY_URL": registry.url}
    argv = (sys.executable, "-m", "amcloud", "images", "prune")
    assert subprocess.run(argv, env=env, capture_output=True, timeout=60, check=False).returncode == 2
    assert present(registry, digest(alone))
