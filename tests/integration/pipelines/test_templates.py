"""Each template, run by gitlab-ci-local as the runner's unprivileged account, on a real PHP application. Needs root.

The Jenkinsfile's steps are the same files: they are run here in their order, in a workspace of their own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import requests
from referencing import Registry, Resource

from amcloud import assets
from amcloud.clients.attestations import tag
from amcloud.clients.registry import OciRegistry
from amcloud.clients.signing import Signer
from amcloud.stages import provenance
from amcloud.stages.build import GoOn, Image, Pipeline, PipelineStatus
from amcloud.stages.declared.app import StageName
from amcloud.stages.provenance import Case
from amcloud_sandbox import images
from amcloud_sandbox.forge import provision
from amcloud_sandbox.images import Target
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.runner import cells, pipeline
from amcloud_sandbox.runner.__main__ import product
from amcloud_sandbox.runner.base_images import BaseImages
from amcloud_sandbox.runner.isolation import Cell
from amcloud_sandbox.testing.factory import MANIFEST, Factory, locked, running_factory
from amcloud_sandbox.testing.services import PostgresServer, RegistryServer, postgres, registry

__all__ = ["postgres", "registry"]

SCHEMAS = Path(__file__).parents[2] / "data" / "schemas"
PATH = "cpam-bas-rhin/essai"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing account and making namespaces needs root")


@pytest.fixture(scope="module")
def factory(
    registry: RegistryServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Factory]:
    with running_factory(registry, postgres, tmp_path_factory.mktemp("factory")) as made:
        yield made


@pytest.fixture(scope="module")
def run(factory: Factory) -> tuple[Any, dict[str, Any]]:
    """The whole chain on a sound application."""
    return factory.run(PATH, factory.application)


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def complaints(bom: Any) -> list[str]:
    """What CycloneDX's own schema says against the document."""
    names = {"spdx.SNAPSHOT.schema.json": "cyclonedx-spdx", "jsf-0.82.SNAPSHOT.schema.json": "cyclonedx-jsf-0.82"}
    known = [(f"http://cyclonedx.org/schema/{at}", Resource.from_contents(schema(of))) for at, of in names.items()]
    resources: Registry[Any] = Registry().with_resources(known)
    validator = jsonschema.Draft7Validator(schema("cyclonedx-bom-1.6"), registry=resources)
    return [error.message for error in validator.iter_errors(bom)]


def test_every_job_of_the_chain_succeeds(factory: Factory, run: tuple[Any, dict[str, Any]]) -> None:
    done, jobs = run
    states = {name: job.status for name, job in jobs.items()}
    traces = "\n".join(factory.trace(PATH, job) for job in jobs.values())
    # The application is no conforming one: conformance says so and holds nothing up.
    assert states == {"conformance": "failed", "tests": "success", "build-image": "success", "sbom": "success"}, traces
    assert done.status == "success"


def test_conformance_is_shown_in_the_merge_request(factory: Factory, run: tuple[Any, dict[str, Any]]) -> None:
    job = run[1]["conformance"]
    quality = json.loads(factory.artifact(PATH, job, "psram-codequality.json"))
    jsonschema.validate(quality, schema("codequality"))
    assert any(found["check_name"] == "SYM-002" for found in quality)
    sarif = json.loads(factory.artifact(PATH, job, "psram.sarif"))
    jsonschema.validate(sarif, schema("sarif-2.1.0"))
    assert "NON CONFORME" in factory.trace(PATH, job)
    kinds = {one["file_type"] for one in factory.forge.project(PATH).jobs.get(job.id).attributes["artifacts"]}
    assert "codequality" in kinds


def test_phpunit_ran_against_a_real_postgresql(factory: Factory, run: tuple[Any, dict[str, Any]]) -> None:
    report = ElementTree.fromstring(factory.artifact(PATH, run[1]["tests"], "junit.xml"))
    names = {case.get("name") for case in report.iter("testcase")}
    assert names == {"testLaSalutation", "testUnVraiPostgreSQL"}
    assert not list(report.iter("failure")) + list(report.iter("error")) + list(report.iter("skipped"))


def test_the_image_is_told_by_digest_with_what_it_was_made_of(
    factory: Factory, run: tuple[Any, dict[str, Any]]
) -> None:
    done, jobs = run
    told = json.loads(factory.artifact(PATH, jobs["build-image"], "image.json"))
    assert told == {
        "image": f"{factory.registry.name}/{PATH}",
        "digest": told["digest"],
        "revision": done.sha,
        "base": {"name": factory.base, "digest": factory.base_digest},
        "template": "amcloud/pipelines@v1",
    }
    labels = config(factory, told["digest"])["config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == done.sha
    assert labels["org.opencontainers.image.base.digest"] == factory.base_digest


def config(factory: Factory, digest: str, *, path: str = PATH) -> Any:
    """The configuration of an image of an application."""
    at = f"{factory.registry.url}/v2/{path}"
    manifest = requests.get(f"{at}/manifests/{digest}", headers={"Accept": MANIFEST}, timeout=10)
    manifest.raise_for_status()
    return requests.get(f"{at}/blobs/{manifest.json()['config']['digest']}", timeout=10).json()


def test_the_sbom_is_cyclonedx_and_names_both_kinds_of_packages(
    factory: Factory, run: tuple[Any, dict[str, Any]]
) -> None:
    done, jobs = run
    bom = json.loads(factory.artifact(PATH, jobs["sbom"], "sbom.cdx.json"))
    assert complaints(bom) == []
    assert [one["purl"] for one in bom["components"]] == [
        "pkg:composer/exemple/salutation@1.2.0",
        "pkg:deb/debian/php8.2-cli@8.2.29-1~deb12u1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/tzdata@2025b-0%2Bdeb12u1?arch=all&distro=debian-12",
    ]
    assert bom["metadata"]["component"]["version"] == done.sha
    told = json.loads(factory.artifact(PATH, jobs["build-image"], "image.json"))
    assert f"sha256:{bom['metadata']['component']['hashes'][0]['content']}" == told["digest"]


def test_the_schema_refuses_what_is_no_cyclonedx() -> None:
    assert complaints({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "chose"}]})


def test_a_test_that_fails_stops_the_chain_before_the_image_and_no_job_reads_the_operator_s_key(
    factory: Factory,
) -> None:
    path, layout = "cpam-bas-rhin/cassee", Layout(state=factory.place / "sandbox")
    provision.provenance_key(layout)
    curious = f'curieux: {{stage: tests, script: ["cat {layout.credentials / provision.PROVENANCE_KEY}"]}}\n'
    files = {
        **factory.application,
        ".gitlab-ci.yml": factory.application[".gitlab-ci.yml"] + curious,
        "src/Accueil.php": factory.application["src/Accueil.php"].replace("la forge", "personne"),
    }
    done, jobs = factory.run(path, files)
    assert done.status == "failed"
    assert (jobs["tests"].status, jobs["build-image"].status) == ("failed", "skipped")
    assert factory.artifact(path, jobs["tests"], "junit.xml")
    assert jobs["curieux"].status == "failed"
    assert "Permission denied" in factory.trace(path, jobs["curieux"])


def test_a_build_has_no_network(factory: Factory) -> None:
    reachable = f"{factory.registry.url}/v2/"
    assert requests.get(reachable, timeout=5).ok
    dockerfile = factory.application["Dockerfile"].replace("USER 10001", f"ADD {reachable} /app/outil\nUSER 10001")
    _, jobs = factory.run("cpam-bas-rhin/reseau", {**factory.application, "Dockerfile": dockerfile})
    assert jobs["build-image"].status == "failed"
    assert "network is unreachable" in factory.trace("cpam-bas-rhin/reseau", jobs["build-image"])


def test_feedback_waits_for_the_deployment_and_says_where_it_is(factory: Factory) -> None:
    path = "cpam-bas-rhin/retour"
    by_itself = (
        "retour: {extends: deploy-feedback, stage: image, needs: [build-image], when: on_success}\n"
        "attestation: {extends: provenance, stage: image, when: on_success}\n"
    )
    files = {**factory.application, ".gitlab-ci.yml": factory.application[".gitlab-ci.yml"] + by_itself}

    def deployed(project: Any, jobs: dict[str, Any], sha: str) -> None:
        """AM Cloud deploys while the job waits: the job ends with it."""
        if "retour" in jobs and jobs["retour"].status == "running" and not project.deployments.list(get_all=True):
            project.environments.create({"name": "amcloud/acceptance", "external_url": "https://essai.exemple.fr"})
            wanted = {"environment": "amcloud/acceptance", "sha": sha, "ref": "main", "tag": False, "status": "success"}
            project.deployments.create(wanted)

    done, jobs = factory.run(path, files, meanwhile=deployed)
    assert jobs["retour"].status == "success", factory.trace(path, jobs["retour"])
    assert "amcloud/acceptance : success https://essai.exemple.fr" in factory.trace(path, jobs["retour"])
    assert jobs["attestation"].status == "failed"  # the platform gave no key here; nobody is held up by that
    assert "AMCLOUD_PROVENANCE_PUBLIC_KEY" in factory.trace(path, jobs["attestation"])
    assert done.status == "success"


def test_the_starter_kit_s_dockerfile_enables_the_extensions_that_are_declared(factory: Factory) -> None:
    path, target = "cpam-bas-rhin/extensions", Target(factory.registry.name, factory.registry.name)
    base = images.php_base(
        Layout(state=factory.place / "images-state"), print, target, repository="amcloud/php-entiere"
    )
    factory.forge.project(path).variables.create({"key": "AMCLOUD_PHP_BASE_IMAGE", "value": base, "raw": True})
    manifest = json.loads(factory.application["composer.json"])
    manifest["require"]["ext-bcmath"] = "*"
    manifest["config"]["platform"]["ext-bcmath"] = "8.2.0"  # the runner of this machine has not got it
    folders = ("bin", "config", "migrations", "public", "templates")
    files = {
        **factory.application,
        **{f"{folder}/.garde": "" for folder in folders},
        "Dockerfile": (assets.folder("templates") / "new" / "Dockerfile").read_text(encoding="utf-8"),
        "composer.json": json.dumps(manifest),
    }
    del files["composer.lock"]
    _, jobs = factory.run(path, locked(factory.forge.folder / "extensions", files))
    assert jobs["build-image"].status == "success", factory.trace(path, jobs["build-image"])
    assert "ext-bcmath activée" in factory.trace(path, jobs["build-image"])
    told = json.loads(factory.artifact(path, jobs["build-image"], "image.json"))
    assert told["base"]["digest"] == base.rpartition("@")[2]
    made = config(factory, told["digest"], path=path)
    assert made["config"]["User"] == "10001"
    bom = json.loads(factory.artifact(path, jobs["sbom"], "sbom.cdx.json"))
    assert complaints(bom) == []
    assert {"php8.2-bcmath", "nginx-light"} <= {one["name"] for one in bom["components"]}


def jenkins_calls() -> list[str]:
    """The shell commands of the Jenkinsfile's stages, in their order."""
    text = (assets.folder("pipelines") / "Jenkinsfile").read_text(encoding="utf-8")
    return re.findall(r"^\s*sh '([^']+)'$", text, re.MULTILINE)


def test_the_jenkinsfile_calls_the_steps_of_the_templates_and_nothing_else() -> None:
    folder = assets.folder("pipelines")
    in_templates = {
        step
        for template in (folder / "templates").glob("*.yml")
        for step in re.findall(r"steps/(\w+\.sh)", template.read_text(encoding="utf-8"))
    }
    called = [re.fullmatch(r'sh "\$AMCLOUD_PIPELINES/steps/(\w+\.sh)"', call) for call in jenkins_calls()]
    assert None not in called
    assert [match[1] for match in called if match] == ["conformance.sh", "tests.sh", "image.sh", "sbom.sh"]
    assert in_templates == {match[1] for match in called if match} | {"feedback.sh", "provenance.sh"}


@pytest.fixture
def workspace(factory: Factory, run: tuple[Any, dict[str, Any]]) -> Iterator[Cell]:
    """A workspace as an agent of Jenkins has it: the commit checked out, the steps beside it."""
    place = factory.place / "jenkins"
    cell = Cell("amcloud-runner", place, factory.place / "images", place / "cache", place, product())
    pipeline.prepare(cell, factory.registry.name)
    BaseImages(factory.registry.name, factory.registry.url).ensure(factory.base, cell)
    cells.run(cell, ["mkdir", str(cell.home / "pipelines")])
    fetch = 'git init -q . && git fetch -q "$1" HEAD && git reset -q --hard FETCH_HEAD'
    for project, folder in ((PATH, cell.sources), ("amcloud/pipelines", cell.home / "pipelines")):
        cells.run(cell, ["sh", "-c", fetch, "sh", factory.forge.git_url(project)], cwd=folder)
    yield cell
    cells.remove(cell)


def test_the_jenkinsfile_s_steps_make_the_very_same_image(
    factory: Factory, run: tuple[Any, dict[str, Any]], workspace: Cell
) -> None:
    done, jobs = run
    env = {
        "CI_COMMIT_SHA": done.sha,
        "CI_PROJECT_URL": f"{factory.forge.url}/{PATH}",
        "CI_REGISTRY": factory.registry.name,
        "CI_REGISTRY_IMAGE": f"{factory.registry.name}/{PATH}",
        "AMCLOUD_PIPELINES": str(workspace.home / "pipelines"),
        "AMCLOUD_TEMPLATE": "amcloud/pipelines@v1",
        **factory.variables(),
    }
    for call in jenkins_calls():
        if "conformance" in call:
            with pytest.raises(cells.CommandError):
                cells.run(workspace, ["sh", "-c", call], env=env)
        else:
            cells.run(workspace, ["sh", "-c", call], env=env)
    for job, name in (("build-image", "image.json"), ("sbom", "sbom.cdx.json")):
        assert (workspace.sources / name).read_bytes() == factory.artifact(PATH, jobs[job], name)
    assert (workspace.sources / "psram.sarif").exists()


def attested(factory: Factory, sha: str, origin: provenance.Origin, *, stage: StageName = StageName.ACCEPTANCE) -> Case:
    """What the operator knows of the image of a commit; its rules hold."""
    ran = Pipeline(1, PipelineStatus.SUCCESS, datetime(2026, 11, 22, tzinfo=UTC), f"{factory.forge.url}/p/1", "push")
    built = GoOn(Image(f"{factory.registry.name}/{PATH}@{origin.digest}", sha), ran)
    return Case(PATH, sha, stage, built, None, origin, psram_report())


def psram_report() -> Any:
    """A report in which what the attestor wants to hold does."""
    from psram.model import Verdict

    rows = [types.SimpleNamespace(rule_id=rule, verdict=Verdict.CONFORMING) for rule in provenance.RULES]
    return types.SimpleNamespace(results=rows)


def test_a_job_verifies_the_operator_s_signature_and_no_other(
    factory: Factory, run: tuple[Any, dict[str, Any]], workspace: Cell
) -> None:
    done, jobs = run
    told = factory.artifact(PATH, jobs["build-image"], "image.json")
    origin = provenance.origin(told)
    assert origin is not None
    signer, other = (Signer(base64.b64encode(bytes([n]) * 32).decode()) for n in (1, 2))
    answer = provenance.decide(attested(factory, done.sha, origin), forge_url=factory.forge.url)
    assert isinstance(answer, provenance.Sign)
    client = OciRegistry(factory.registry.url, factory.registry.name)
    cells.write(workspace, workspace.sources / "image.json", told.decode())
    command = ["sh", str(workspace.home / "pipelines" / "steps" / "provenance.sh")]

    def verify() -> bytes:
        env = {
            "CI_COMMIT_SHA": done.sha,
            "AMCLOUD_REGISTRY_URL": factory.registry.url,
            "AMCLOUD_PROVENANCE_PUBLIC_KEY": signer.public_key,
        }
        return cells.run(workspace, command, env=env)

    with pytest.raises(cells.CommandError, match="pas encore d'attestation"):
        verify()
    client.attach(PATH, tag(origin.digest), other.envelope(answer.statement))
    with pytest.raises(cells.CommandError, match="n'est pas celle d'AM Cloud"):
        verify()
    client.attach(PATH, tag(origin.digest), signer.envelope({**answer.statement, "subject": []}))
    with pytest.raises(cells.CommandError, match="autre image"):
        verify()
    client.attach(PATH, tag(origin.digest), signer.envelope(answer.statement))
    assert "attestation vérifiée" in verify().decode()
    assert json.loads((workspace.sources / "provenance.json").read_text()) == answer.statement
