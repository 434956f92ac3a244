"""A Connector that changes wakes the applications that declare it: no resync nor polling here, the watch alone."""

from __future__ import annotations

from typing import Any

from patience import until

from amcloud.stages.declared.connectors import SECRET_TYPE
from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import RegistryServer

from .conftest import (
    GROUP,
    GROUP_PATH,
    NAMESPACE,
    VERSION,
    Cluster,
    Operator,
    finish,
    local_app,
    project,
    push_image,
)
from .test_operator import sample

NAME, CONNECTOR, SECRET = "appelante", "referentiel-essai", "referentiel-essai.appelante"
SYSTEM = "amcloud-system"


def connector(*authorised: str) -> dict[str, Any]:
    versions = [
        {"name": "v1", "endpoint": "http://198.18.0.1:8932/v1", "endOfLifeTime": "2020-01-01T00:00:00Z"},
        {"name": "v2", "endpoint": "http://198.18.0.1:8932/v2"},
    ]
    listed = [{"app": app, "credentialsRef": {"name": SECRET}} for app in authorised]
    spec = {"title": "Référentiel (exemple)", "versions": versions, "authorised": listed}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Connector",
        "metadata": {"name": CONNECTOR},
        "spec": spec,
    }


def declared(version: str) -> dict[str, Any]:
    return local_app(NAME, hosting={"connectors": [{"name": CONNECTOR, "version": version}]})


def test_a_connector_that_comes_that_authorises_and_that_is_asked_for_at_an_ended_version(
    cluster: Cluster, forge: RunningForge, operator: Operator, registry: RegistryServer, token: str
) -> None:
    project(forge, operator, NAME)
    commit = sample(forge, NAME)
    cluster.apply(declared("v2"))
    assert CONNECTOR in cluster.wait_reason(NAME, "ConnectorUnknown")

    cluster.apply(connector())
    assert f"{NAMESPACE}/{NAME}" in cluster.wait_reason(NAME, "ConnectorUnauthorised")

    cluster.apply(connector(f"{NAMESPACE}/{NAME}"))
    cluster.wait_reason(NAME, "Building")
    push_image(registry, f"{GROUP_PATH}/{NAME}", commit)
    finish(forge, NAME, commit)
    assert SECRET in cluster.wait_reason(NAME, "SecretMissing")

    place = {"name": SECRET, "namespace": SYSTEM}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": place, "type": SECRET_TYPE}
    cluster.apply({**secret, "stringData": {"token": "jeton-essai"}})
    again = {"metadata": {"annotations": {f"{GROUP}/requestedAt": "maintenant"}}}
    cluster.custom.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "localapps", NAME, again)
    cluster.wait_reason(NAME, "RollingOut")

    def given() -> dict[str, Any]:
        return dict(cluster.core.read_namespaced_secret("amcloud-credentials", f"{NAME}-acceptance").data or {})

    until("the credential", lambda: f"connector.{CONNECTOR}" in given())
    cluster.apply(connector())
    cluster.wait_reason(NAME, "ConnectorUnauthorised")
    until("the credential to go", lambda: f"connector.{CONNECTOR}" not in given())

    cluster.apply(connector(f"{NAMESPACE}/{NAME}"), declared("v1"))
    assert "passez à v2" in cluster.wait_reason(NAME, "ConnectorEnded")
    problems = (cluster.local_app(NAME) or {})["status"]["problems"]
    ending = {one["path"]: one["endOfLifeTime"] for one in problems if "endOfLifeTime" in one}
    assert ending == {"spec.hosting.connectors[0].version": "2020-01-01T00:00:00Z"}
    cluster.kubectl("delete", "lapp", NAME, "-n", NAMESPACE, "--wait=false")


def test_the_directory_is_what_kubectl_shows(cluster: Cluster) -> None:
    cluster.apply(connector())
    shown = cluster.kubectl("get", "conn").stdout.splitlines()
    assert shown[0].split() == ["NAME", "TITLE", "RECOMMENDED", "CONTACT", "AGE"]
    assert CONNECTOR in cluster.kubectl("get", "amcloud").stdout
