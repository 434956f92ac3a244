"""A national service and who calls it from a pod: let in, refused with the reason, refused by the service itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from patience import until

from amcloud.stages.declared.connectors import SECRET_TYPE
from amcloud_sandbox.demo import browser, cluster, install
from amcloud_sandbox.demo.scene import Cast
from amcloud_sandbox.layout import NATIONAL_URL, Layout
from amcloud_sandbox.parts import national

from ..conftest import Ground

NAME, NAMESPACE, CONNECTOR = "courriers-assures", "cpam-bas-rhin", "referentiel-essai"
APP, SECRET = f"{NAMESPACE}/{NAME}", f"{CONNECTOR}.{NAME}"
PERSON = "EX-0001"
CALLED = Path(__file__).parents[2] / "data" / "applications" / "connecteur" / "AssureController.php"


def connector(*authorised: str, ended: bool = False) -> dict[str, Any]:
    """The sandbox's national service, of which v1 ends in two months, or did yesterday."""
    ends = datetime.now(UTC) + timedelta(days=-1 if ended else 60)
    spec = {
        "title": "Référentiel des assurés (exemple)",
        "recommended": "v2",
        "versions": [
            {"name": "v1", "endpoint": f"{NATIONAL_URL}/v1", "endOfLifeTime": ends.strftime("%Y-%m-%dT00:00:00Z")},
            {"name": "v2", "endpoint": f"{NATIONAL_URL}/v2"},
        ],
        "authorised": [{"app": app, "credentialsRef": {"name": SECRET}} for app in authorised],
    }
    return {"apiVersion": cluster.API, "kind": "Connector", "metadata": {"name": CONNECTOR}, "spec": spec}


def credential(token: str) -> dict[str, Any]:
    metadata = {"name": SECRET, "namespace": install.NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": SECRET_TYPE,
        "stringData": {"token": token},
    }


def calls(folder: Path) -> None:
    """The sample shows an insured person, asked for from the national service."""
    (folder / "src" / "Controller" / CALLED.name).write_text(CALLED.read_text(encoding="utf-8"), encoding="utf-8")


@pytest.fixture(scope="module")
def declared(ground: Ground) -> Iterator[Cast]:
    """The application is pushed and declared; the connector authorises nobody yet."""
    ground.where.kubectl.apply(connector())
    uses = {"connectors": [{"name": CONNECTOR, "version": "v1"}], "replicas": {"min": 1, "max": 1}}
    try:
        with ground.application(NAME, calls, manifest={"hosting": uses}) as cast:
            yield cast
    finally:
        ground.where.kubectl("delete", "connector", CONNECTOR, "--ignore-not-found")
        ground.where.kubectl("delete", "secret", SECRET, "-n", install.NAMESPACE, "--ignore-not-found")


def ready(ground: Ground, cast: Cast) -> tuple[str, str]:
    found: dict[str, str] = next((c for c in ground.stage(cast).get("conditions", []) if c["type"] == "Ready"), {})
    return found.get("reason", ""), found.get("message", "")


def asked(ground: Ground, cast: Cast) -> requests.Response:
    """What an agent of the fund gets from the application, which asks the national service."""
    url = ground.stage(cast)["url"]
    return browser.sign_in("671", f"{NAME}-acceptance").get(f"{url}/assures/{PERSON}")


def test_an_unauthorised_application_is_refused_with_the_reason_and_nothing_is_made(
    ground: Ground, declared: Cast
) -> None:
    until("refused", lambda: ready(ground, declared)[0] == "ConnectorUnauthorised")
    assert APP in ready(ground, declared)[1]
    assert ground.where.kubectl.find("get", "namespace", f"{NAME}-acceptance") is None


def test_an_authorised_application_gets_an_answer_from_its_pod(ground: Ground, declared: Cast) -> None:
    callers = national.register(Layout())
    ground.where.kubectl.apply(credential(callers.issue(APP)), connector(APP))
    ground.scene.wait_until_serving(declared)
    answer = asked(ground, declared)
    assert (answer.status_code, answer.json()) == (200, {"numero": PERSON, "nom": "Camille Exemple"})
    problems = ground.scene.local_app(declared)["status"]["problems"]
    (ending,) = [one for one in problems if one["path"] == "spec.hosting.connectors[0].version"]
    assert "prend fin le" in ending["message"] and ending["endOfLifeTime"]


def test_the_service_refuses_a_wrong_credential_whatever_the_network_lets_through(
    ground: Ground, declared: Cast
) -> None:
    for given in ({}, {"Authorization": "Bearer faux"}):
        assert requests.get(f"{NATIONAL_URL}/v1/assures/{PERSON}", headers=given, timeout=5).status_code == 401
    national.register(Layout()).withdraw(APP)
    answer = asked(ground, declared)
    assert (answer.status_code, answer.json()["service"]) == (502, 403)


def test_a_withdrawn_authorisation_closes_the_network_and_the_application_serves_on(
    ground: Ground, declared: Cast
) -> None:
    def egress() -> bool:
        found = ground.where.kubectl.json("get", "networkpolicy", "sorties", "-n", f"{NAME}-acceptance")
        return any(port["port"] == 8932 for rule in found["spec"]["egress"] for port in rule["ports"])

    assert egress()
    ground.where.kubectl.apply(connector())
    until("refused", lambda: ready(ground, declared)[0] == "ConnectorUnauthorised")
    until("network closed", lambda: not egress())
    held = ground.where.kubectl.json("get", "secret", "amcloud-credentials", "-n", f"{NAME}-acceptance")
    assert not any(key.startswith("connector.") for key in held["data"])
    available = next(c for c in ground.stage(declared)["conditions"] if c["type"] == "Available")
    assert available["status"] == "True"
    session = browser.sign_in("671", f"{NAME}-acceptance")
    assert session.get(f"{ground.stage(declared)['url']}/courriers").status_code == 200


def test_an_ended_version_is_refused_and_told_what_to_take(ground: Ground, declared: Cast) -> None:
    ground.where.kubectl.apply(connector(APP, ended=True))
    until("refused", lambda: ready(ground, declared)[0] == "ConnectorEnded")
    assert "passez à v2" in ready(ground, declared)[1]
