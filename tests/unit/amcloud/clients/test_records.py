"""Kubernetes objects that the client reads besides rendered ones: any of them may be damaged."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amcloud.clients import records
from amcloud.stages.declared.app import StageName

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
SPEC = {
    "version": "psram-2026.1", "digest": "sha256:0", "effectiveTime": "2026-01-01T00:00:00Z",
    "enforcement": {"development": "Audit", "acceptance": "Enforce", "production": "Enforce"},
}  # fmt: skip


def encoded(**values: str) -> dict[str, Any]:
    return {"data": {name.replace("_", "-"): base64.b64encode(v.encode()).decode() for name, v in values.items()}}


def test_an_organisation_s_forge_group_is_its_label_unless_said() -> None:
    spec = {"code": "671", "name": "CPAM", "label": "cpam-bas-rhin"}
    plain, other = records.organisation({"spec": spec}), records.organisation({"spec": {**spec, "forgeGroup": "g"}})
    assert plain is not None and plain.forge_group == "cpam-bas-rhin"
    assert other is not None and other.forge_group == "g"


SAMPLE = Path(__file__).parents[4] / "crds" / "samples" / "valid" / "connector.yaml"


def test_the_sample_connector_is_read_whole() -> None:
    found = records.connector(yaml.safe_load(SAMPLE.read_text(encoding="utf-8")))
    assert found is not None
    first, second = found.versions
    assert (found.name, found.recommended, first.ends_at) == (
        "referentiel-assures",
        "v2",
        datetime(2027, 3, 1, tzinfo=UTC),
    )
    assert (second.test_endpoint, second.addresses) == ("https://assures.recette.cnam.example/v2", ("192.0.2.0/24",))
    (consumer,) = found.consumers
    assert consumer.secret_for(StageName.PRODUCTION) != consumer.secret_for(StageName.ACCEPTANCE)


@given(JSON)
def test_a_damaged_connector_is_no_connector(spec: Any) -> None:
    found = records.connector({"metadata": {"name": "x"}, "spec": spec})
    assert found is None or found.versions is not None


@pytest.mark.parametrize("moment", ["bientôt", "2027-03-01", "2027-03-01T00:00:00"])
def test_an_end_without_a_time_zone_is_no_connector(moment: str) -> None:
    version = {"name": "v1", "endpoint": "http://192.0.2.1/v1", "endOfLifeTime": moment}
    assert records.connector({"metadata": {"name": "x"}, "spec": {"title": "X", "versions": [version]}}) is None


def test_a_norm_pack_says_where_it_refuses() -> None:
    pack = records.norm_pack({"spec": SPEC})
    assert pack is not None
    assert pack.enforced == {StageName.ACCEPTANCE, StageName.PRODUCTION}
    assert pack.effective_at.tzinfo is not None


@given(st.dictionaries(st.sampled_from(["spec", "metadata"]), JSON))
def test_a_damaged_resource_is_nothing(found: dict[str, Any]) -> None:
    assert records.norm_pack(found) is None
    records.organisation(found)


@given(st.dictionaries(st.sampled_from([*SPEC, "label", "code", "name"]), JSON))
def test_a_damaged_specification_is_read_or_refused(spec: dict[str, Any]) -> None:
    records.norm_pack({"spec": spec})
    records.organisation({"spec": spec})


def test_credentials_are_whole_or_nothing() -> None:
    whole = encoded(database_url="a", owner_database_url="b", app_secret="c", oidc_client_secret="d")
    found = records.access(whole)
    assert found is not None
    assert (found.app_url, found.owner_url, found.app_secret, found.oidc_client_secret) == ("a", "b", "c", "d")
    for name in list(whole["data"]):
        assert records.access({"data": {k: v for k, v in whole["data"].items() if k != name}}) is None


@pytest.mark.parametrize("value", [None, "pas du base64 !", 7, base64.b64encode(b"\xff").decode()])
def test_a_value_that_is_not_text_is_none(value: Any) -> None:
    assert records.secret_value({"data": {"token": value}}, "token") is None


def test_the_last_words_of_a_container_are_masked_and_the_rest_stays() -> None:
    state = {"terminated": {"exitCode": 1, "message": "password=S3cr3t\nboum"}}
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "web", "lastState": state}]}}
    masked = records.masked_pod(pod)
    said = masked["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"]
    assert said == "password=***\nboum"
    assert state["terminated"]["message"] == "password=S3cr3t\nboum"


@pytest.mark.parametrize(
    ("region", "known"),
    [
        ({"name": "Bas-Rhin", "referent": "referent@exemple.fr"}, ("Bas-Rhin", "referent@exemple.fr")),
        ({"name": "Bas-Rhin"}, ("Bas-Rhin", "")),
        (None, ("", "")),
        ("Bas-Rhin", ("", "")),
    ],
)
def test_an_organisation_tells_its_region_and_who_helps_there(region: object, known: tuple[str, str]) -> None:
    spec = {"code": "671", "name": "CPAM (exemple)", "label": "cpam-exemple", "region": region}
    found = records.organisation({"spec": spec})
    assert found is not None and (found.region, found.referent) == known
