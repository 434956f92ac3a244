"""An application that calls a national service: let in, refused, withdrawn, ended; what serves goes on serving."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, START, TWO, manifest
from amcloud_story import DEPLOYMENT, PLACE, conditions, hosted, push, settle, stage_conditions

from amcloud.stages.build import PipelineStatus
from amcloud.stages.declared.connectors import Connector, Consumer, Version
from amcloud.stages.objects.operations import Key

NAME = "referentiel-assures"
V1 = Version("v1", "http://198.18.0.1:8932/v1", ends_at=START + timedelta(days=90))
V2 = Version("v2", "http://198.18.0.2:8932/v2")
CONSUMERS = (Consumer("cpam-bas-rhin/suivi-courriers", "referentiel.suivi"),)
SECRET = Key("", "Secret", PLACE, "amcloud-credentials")
EGRESS = Key("networking.k8s.io", "NetworkPolicy", PLACE, "sorties")


def declared(version: str) -> dict[str, Any]:
    return {"hosting": {"connectors": [{"name": NAME, "version": version}]}}


def offer(outside: FakeWorld, *versions: Version, consumers: tuple[Consumer, ...] = CONSUMERS) -> None:
    outside.cluster.offered = {NAME: Connector(NAME, "Référentiel (exemple)", "", versions, consumers)}


def world(
    *versions: Version, consumers: tuple[Consumer, ...] = CONSUMERS, token: str = "jeton", asked: str = "v1"
) -> FakeWorld:
    """A built application that declares the connector, as far as passes bring it."""
    outside = FakeWorld()
    offer(outside, *versions, consumers=consumers)
    outside.cluster.tokens = {"referentiel.suivi": token} if token else {}
    outside.cluster.add(manifest(**declared(asked)))
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    return outside


def environment(outside: FakeWorld) -> dict[str, str]:
    (container,) = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"] if one["name"].startswith("CONNECTOR_")}


def opened(outside: FakeWorld) -> list[str]:
    rules = outside.cluster.objects[EGRESS]["spec"]["egress"]
    return [rule["to"][0]["ipBlock"]["cidr"] for rule in rules if rule.get("ports", [{}])[0].get("port") == 8932]


def credential(outside: FakeWorld) -> str | None:
    found = outside.cluster.objects[SECRET]["data"].get(f"connector.{NAME}")
    return base64.b64decode(found).decode() if found else None


def test_an_authorised_application_gets_address_credential_and_network() -> None:
    outside = world(V1, V2)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")
    assert environment(outside) == {
        "CONNECTOR_REFERENTIEL_ASSURES_URL": "http://198.18.0.1:8932/v1",
        "CONNECTOR_REFERENTIEL_ASSURES_VERSION": "v1",
        "CONNECTOR_REFERENTIEL_ASSURES_TOKEN_FILE": f"/etc/amcloud-connectors/{NAME}",
    }
    assert opened(outside) == ["198.18.0.1/32"]
    assert credential(outside) == "jeton"


def test_a_coming_end_is_a_problem_with_its_date() -> None:
    outside = world(V1, V2)
    (problem,) = outside.cluster.status()["problems"]
    assert problem["path"] == "spec.hosting.connectors[0].version"
    assert problem["endOfLifeTime"] == "2026-05-31T08:00:00Z"
    assert "passez à v2" in problem["message"]
    assert conditions(outside)["Ready"] == ("True", "Serving")
    before = len(outside.effects)
    outside.passes(86_400)
    settle(outside)
    assert len(outside.effects) == before


def test_more_problems_than_the_schema_takes_are_cut_and_the_first_to_end_stay() -> None:
    """A status that the server refuses would never be written again."""
    outside = FakeWorld()
    names = [f"service-{number:02}" for number in range(20)]
    outside.cluster.offered = {
        name: Connector(
            name, name, "", (Version("v1", V1.endpoint, ends_at=START + timedelta(days=90 - day)),), CONSUMERS
        )
        for day, name in enumerate(names)
    }
    outside.cluster.tokens = {"referentiel.suivi": "jeton"}
    outside.database.bytes_used = 10 * 1024**3
    uses = [{"name": name, "version": "v1"} for name in names]
    outside.cluster.add(manifest(hosting={"connectors": uses}))
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    settle(outside)
    problems = outside.cluster.status()["problems"]
    assert len(problems) == 20
    assert problems[0]["path"] == "spec.hosting.database.storage"
    assert problems[1]["path"] == "spec.hosting.connectors[19].version"


@pytest.mark.parametrize(
    ("versions", "consumers", "asked", "reason"),
    [
        pytest.param((V1,), (), "v1", "ConnectorUnauthorised", id="unauthorised"),
        pytest.param((V1,), CONSUMERS, "v9", "ConnectorUnknown", id="unknown version"),
        pytest.param((Version("v1", V1.endpoint, ends_at=START),), CONSUMERS, "v1", "ConnectorEnded", id="ended"),
    ],
)
def test_a_first_revision_is_refused_before_anything_is_made(
    versions: tuple[Version, ...], consumers: tuple[Consumer, ...], asked: str, reason: str
) -> None:
    outside = world(*versions, consumers=consumers, asked=asked)
    assert conditions(outside)["Ready"] == ("False", reason)
    assert conditions(outside)["Stalled"] == ("True", reason)
    assert not outside.cluster.objects
    status = outside.forge.last(ONE, "amcloud/acceptance")
    assert status is not None and NAME in status.description


def test_authorising_it_lets_the_same_commit_in() -> None:
    outside = world(V1, consumers=())
    offer(outside, V1)
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")


def test_an_ended_version_refuses_the_next_revision_and_the_serving_one_serves_on() -> None:
    outside = world(V1, V2)
    outside.passes(91 * 86_400)
    push(outside, TWO)
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("False", "ConnectorEnded")
    assert stage_conditions(outside)["Available"][0] == "True"
    assert outside.cluster.status()["stages"][0]["deployedCommit"] == ONE
    assert (opened(outside), credential(outside)) == (["198.18.0.1/32"], "jeton")


def test_an_unknown_version_in_the_manifest_changes_nothing_of_what_serves() -> None:
    outside = world(V1, V2)
    template = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]
    outside.cluster.add(manifest(generation=2, **declared("v9")))
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("False", "ConnectorUnknown")
    assert outside.cluster.objects[DEPLOYMENT]["spec"]["template"] == template
    assert opened(outside) == ["198.18.0.1/32"]


def test_a_withdrawn_authorisation_closes_the_network_takes_the_credential_and_replaces_no_pod() -> None:
    outside = world(V1)
    template = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]
    offer(outside, V1, consumers=())
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("False", "ConnectorUnauthorised")
    assert stage_conditions(outside)["Available"][0] == "True"
    assert (opened(outside), credential(outside)) == ([], None)
    assert outside.cluster.objects[DEPLOYMENT]["spec"]["template"] == template
    offer(outside, V1)
    settle(outside)
    assert (opened(outside), credential(outside)) == (["198.18.0.1/32"], "jeton")


def test_another_credential_replaces_no_pod() -> None:
    outside = world(V1)
    template = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]
    outside.cluster.tokens = {"referentiel.suivi": "nouveau"}
    settle(outside)
    assert credential(outside) == "nouveau"
    assert outside.cluster.objects[DEPLOYMENT]["spec"]["template"] == template


def test_a_missing_credential_is_said_and_nothing_starts_without_it() -> None:
    outside = world(V1, token="")
    assert stage_conditions(outside)["Ready"] == ("False", "SecretMissing")
    assert "referentiel.suivi" in outside.cluster.status()["summary"]["message"]
    assert DEPLOYMENT not in outside.cluster.objects
    outside.cluster.tokens = {"referentiel.suivi": "jeton"}
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")


def test_a_connector_taken_out_of_the_manifest_takes_its_credential_along() -> None:
    outside = world(V1)
    outside.cluster.add(manifest(generation=2))
    settle(outside)
    assert stage_conditions(outside)["Ready"] == ("True", "Serving")
    assert (opened(outside), credential(outside), environment(outside)) == ([], None, {})


def test_an_application_without_connectors_has_nothing_of_them() -> None:
    outside = hosted()
    assert "connectors" not in outside.cluster.objects[SECRET]["data"]
    assert environment(outside) == {}
