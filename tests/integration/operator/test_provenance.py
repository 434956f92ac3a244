"""What runs is what the commit's own pipeline made: an image pushed over it is refused, the right one is attested."""

from __future__ import annotations

import base64
import json

import requests
from patience import until
from pushed_images import MANIFEST

from amcloud.clients.attestations import tag
from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import RegistryServer

from .conftest import GROUP_PATH, PUSHED, Cluster, Operator, finish, local_app, project, push_image
from .test_operator import hook, sample

NAME = "remplacee"
PATH = f"{GROUP_PATH}/{NAME}"


def put(registry: RegistryServer, commit: str, content: bytes) -> None:
    """Somebody who may write in the registry puts this under the commit's tag."""
    address, headers = f"{registry.url}/v2/{PATH}/manifests/{commit}", {"Content-Type": MANIFEST}
    assert requests.put(address, data=content, headers=headers, timeout=10).ok


def test_an_image_pushed_over_the_pipeline_s_is_refused_and_the_right_one_is_attested(
    cluster: Cluster, forge: RunningForge, operator: Operator, registry: RegistryServer, token: str
) -> None:
    project(forge, operator, NAME)
    commit = sample(forge, NAME)
    cluster.apply(local_app(NAME))
    cluster.wait_reason(NAME, "Building")
    push_image(registry, PATH, commit)
    address = f"{registry.url}/v2/{PATH}/manifests/{commit}"
    right = requests.get(address, headers={"Accept": MANIFEST}, timeout=10).content
    put(registry, commit, json.dumps({**json.loads(right), "annotations": {"qui": "quelqu'un"}}).encode())
    finish(forge, NAME, commit)
    assert "remplacée" in cluster.wait_reason(NAME, "ImageRefused")
    assert cluster.kubectl("get", "ns", f"{NAME}-acceptance").returncode != 0

    put(registry, commit, right)
    body = {"object_kind": "push", "after": commit, "project": {"path_with_namespace": PATH}}
    assert hook(operator, body)[0] == 202
    cluster.wait_reason(NAME, "RollingOut", "Provisioning", "Checking")
    client = OciRegistry(registry.url, registry.name)
    envelope = until("the attestation", lambda: client.attached(PATH, tag(PUSHED[commit])))
    attestation = Signer(base64.b64encode(bytes(32)).decode()).opened(envelope)
    assert not attestation.problem
    definition = attestation.statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["revision"] == commit
