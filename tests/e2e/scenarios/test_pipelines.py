"""From a push to a signed digest: the jobs in the real forge, the attestation beside the image, what is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from amcloud.clients.attestations import tag
from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud_sandbox.demo.scene import Cast
from amcloud_sandbox.forge import provision

from ..conftest import Ground

NAME = "essai-chaine"
TIMEOUT_S = 120.0


@pytest.fixture(scope="module")
def served(ground: Ground) -> Iterator[Cast]:
    """The sample serves in acceptance alone."""
    stages = [{"name": "acceptance", "ref": {"branch": "main"}}]
    with ground.application(NAME, manifest={"stages": stages}) as cast:
        until = time.monotonic() + TIMEOUT_S
        while not ground.stage(cast).get("url"):
            assert time.monotonic() < until, ground.stage(cast)
            time.sleep(0.5)
        yield cast


def jobs(ground: Ground, cast: Cast, commit: str) -> tuple[Any, dict[str, Any]]:
    project: Any = provision.connect(ground.where.forge_url, ground.where.forge_root_token).projects.get(cast.project)
    pipeline = next(one for one in project.pipelines.list(sha=commit, get_all=True) if one.source != "external")
    return project, {job.name: job for job in pipeline.jobs.list(get_all=True)}


def test_every_job_of_the_chain_succeeds_and_the_sbom_names_the_real_packages(ground: Ground, served: Cast) -> None:
    project, found = jobs(ground, served, ground.stage(served)["deployedCommit"])
    states = {name: job.status for name, job in found.items()}
    assert states == dict.fromkeys(("conformance", "tests", "build-image", "sbom"), "success")
    bom = json.loads(project.jobs.get(found["sbom"].id).artifact("sbom.cdx.json"))
    names = {one["name"] for one in bom["components"]}
    assert {"starter-kit", "framework-bundle", "php8.2-fpm", "nginx-light"} <= names


def test_the_digest_that_serves_is_attested_by_the_operator(ground: Ground, served: Cast) -> None:
    stage = ground.stage(served)
    digest = stage["image"].rpartition("@")[2]
    registry = OciRegistry(ground.where.registry_url, ground.where.registry_name)
    envelope = registry.attached(served.project, tag(digest))
    assert envelope is not None
    attestation = Signer("", (Signer(ground.where.provenance_key).public_key,)).opened(envelope)
    assert not attestation.problem
    definition = attestation.statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "project": served.project, "revision": stage["deployedCommit"], "template": "amcloud/pipelines@v1",
    }  # fmt: skip
    assert definition["resolvedDependencies"][1]["uri"].startswith("oci://localhost:5000/amcloud/php-base")


def test_what_serves_is_never_pruned(ground: Ground, served: Cast, sandbox_env: dict[str, str]) -> None:
    env = {**os.environ, "KUBECONFIG": sandbox_env["KUBECONFIG"], "AMCLOUD_REGISTRY_URL": ground.where.registry_url}
    argv = (sys.executable, "-P", "-m", "amcloud", "images", "prune", "--dry-run", "--keep-days", "1", "-o", "json")
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    fates = {(row["repository"], row["digest"]): row["goes"] for row in json.loads(done.stdout)["images"]}
    assert fates[served.project, ground.stage(served)["image"].rpartition("@")[2]] is False
