"""Who may call which national service, at which version, and what a serving instance keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from amcloud_samples import ORGANISATIONS, START, manifest
from hypothesis import given
from hypothesis import strategies as st

from amcloud.stages.declared import connectors
from amcloud.stages.declared.app import App, ConnectorUse, StageName
from amcloud.stages.declared.connectors import Connector, Consumer, Flaw, Given, Link, Version
from amcloud.stages.manifest import parse
from amcloud.stages.reasons import Reason

A, D, P = StageName.ACCEPTANCE, StageName.DEVELOPMENT, StageName.PRODUCTION
NAME, APP = "referentiel-assures", "cpam-bas-rhin/suivi-courriers"
LATER = START + timedelta(days=400)
V1 = Version("v1", "http://198.18.0.1:8932/v1", ends_at=START)
V2 = Version("v2", "http://198.18.0.1:8932/v2", ends_at=START + timedelta(days=90))
V3 = Version("v3", "https://assures.example/v3", "https://essai.example/v3", ("192.0.2.0/24", "198.51.100.7/32"))
NAMED = Version("v4", "https://assures.example/v4")
REGISTER = Connector(NAME, "Référentiel (exemple)", "v3", (V1, V2, V3, NAMED), (Consumer(APP, "reel", "essai"),))
CLOSED = replace(REGISTER, consumers=(Consumer("cpam-haut-rhin/suivi-courriers", "x"),))


def app(*versions: str, name: str = NAME) -> App:
    uses = [{"name": f"{name}{'' if index == 0 else index}", "version": one} for index, one in enumerate(versions)]
    return parse(manifest(hosting={"connectors": uses}), ORGANISATIONS, lambda _: "671")


def links(
    version: str, offered: Connector | None = REGISTER, before: str = "", *, at: StageName = A
) -> tuple[Link, ...]:
    known = {} if offered is None else {NAME: offered}
    held = (Given(NAME, before, "jeton"),) if before else ()
    return connectors.links(app(version), at, known, held, now=START)


@pytest.mark.parametrize(
    ("version", "offered", "flaw", "says"),
    [
        pytest.param("v3", REGISTER, None, "", id="authorised, and lasting"),
        pytest.param("v2", REGISTER, None, "", id="authorised, ending later"),
        pytest.param("v1", REGISTER, Flaw.ENDED, "passez à v3", id="ended this second"),
        pytest.param("v9", REGISTER, Flaw.UNKNOWN, "v1, v2, v3", id="a version that does not exist"),
        pytest.param("v4", REGISTER, Flaw.UNKNOWN, "addresses", id="a name without addresses opens no network"),
        pytest.param("v3", CLOSED, Flaw.UNAUTHORISED, "DDSI", id="authorised: another organisation's of that name"),
        pytest.param("v9", CLOSED, Flaw.UNAUTHORISED, "DDSI", id="unauthorised: told nothing of versions"),
        pytest.param("v3", None, Flaw.UNKNOWN, "n'existe pas", id="no such connector"),
    ],
)
def test_a_new_revision_is_refused_with_its_reason(
    version: str, offered: Connector | None, flaw: Flaw | None, says: str
) -> None:
    found = connectors.refusal(app(version), A, {NAME: offered} if offered else {}, now=START)
    assert (found.flaw if found else None) == flaw
    if found:
        assert NAME in found.sentence and says in found.sentence


def test_the_first_wrong_connector_of_the_manifest_is_told() -> None:
    found = connectors.refusal(app("v3", "v1"), A, {NAME: REGISTER}, now=START)
    assert found is not None
    assert f"{NAME}1" in found.sentence


def test_an_application_without_connectors_is_never_refused_for_them() -> None:
    alone = parse(manifest(), ORGANISATIONS, lambda _: "671")
    assert connectors.refusal(alone, A, {}, now=START) is None
    assert connectors.links(alone, A, {}, (Given(NAME, "v3"),), now=START) == ()


def test_each_flaw_is_a_reason() -> None:
    assert {Reason(flaw.value) for flaw in Flaw} <= set(Reason)


@pytest.mark.parametrize(
    ("asked", "offered", "before", "version", "open_"),
    [
        pytest.param("v3", REGISTER, "", "v3", True, id="given for the first time"),
        pytest.param("v3", REGISTER, "v2", "v3", True, id="a change of version"),
        pytest.param("v1", REGISTER, "v1", "v1", True, id="ended: what serves keeps it"),
        pytest.param("v1", REGISTER, "", None, False, id="ended: nobody takes it up"),
        pytest.param("v1", REGISTER, "v2", "v2", True, id="ended: what serves keeps the one before"),
        pytest.param("v9", REGISTER, "v2", "v2", True, id="unknown: what serves keeps the one before"),
        pytest.param("v9", REGISTER, "v8", None, False, id="unknown, and the one before is gone"),
        pytest.param("v3", CLOSED, "", None, False, id="unauthorised"),
        pytest.param("v3", CLOSED, "v3", "v3", False, id="authorisation withdrawn: closed, and no pod replaced"),
        pytest.param("v3", None, "v3", None, False, id="the connector is gone"),
    ],
)  # fmt: skip
def test_what_serves_keeps_what_it_was_given(
    asked: str, offered: Connector | None, before: str, version: str | None, open_: bool
) -> None:
    found = links(asked, offered, before)
    assert [(one.version, one.open) for one in found] == ([] if version is None else [(version, open_)])


def test_a_closed_connector_opens_no_network_and_carries_no_credential() -> None:
    (link,) = links("v3", CLOSED, "v3")
    assert (link.cidrs, link.token, link.url) == ((), "", "https://essai.example/v3")
    assert connectors.remembered((link,)) == {"connectors": f"{NAME}=v3\n"}


def test_only_production_calls_the_real_service_with_the_real_credential() -> None:
    assert [(one.url, one.secret) for one in links("v3", at=P)] == [("https://assures.example/v3", "reel")]
    for stage in (A, D):
        assert [(one.url, one.secret) for one in links("v3", at=stage)] == [("https://essai.example/v3", "essai")]


def test_the_network_is_opened_to_the_address_itself_or_else_to_those_declared() -> None:
    assert V2.cidrs(A) == ("198.18.0.1/32",)
    assert V3.cidrs(A) == V3.addresses
    assert NAMED.cidrs(A) == ()


def test_a_missing_secret_leaves_the_credential_in_place_and_is_said() -> None:
    (link,) = links("v3", before="v3")
    assert link.with_token(None).token == "jeton"
    said = connectors.missing((link.with_token(None),), "amcloud-system")
    assert "essai" in said and "amcloud-system" in said and connectors.SECRET_TYPE in said
    assert connectors.missing((link.with_token("autre"),), "amcloud-system") == ""
    assert link.with_token("autre").token == "autre"


def test_a_credential_is_never_shown() -> None:
    (link,) = links("v3", before="v3")
    assert "jeton" not in repr(link) + repr(Given(NAME, "v3", "jeton"))


@pytest.mark.parametrize(
    ("version", "now", "says"),
    [
        pytest.param("v3", START, None, id="no end"),
        pytest.param("v2", START, "La version v2 du connecteur « referentiel-assures » prend fin le 31/05", id="soon"),
        pytest.param("v2", START - timedelta(days=91), None, id="too far ahead"),
        pytest.param("v1", START, "a pris fin le 02/03/2026 ; passez à v3.", id="past"),
        pytest.param("v9", START, None, id="unknown: the refusal says it"),
    ],
)
def test_a_coming_end_is_told_half_a_year_ahead(version: str, now: datetime, says: str | None) -> None:
    found = list(connectors.problems(connectors.endings(app(version), {NAME: REGISTER}, now=now)))
    assert len(found) == (says is not None)
    for path, message, _ in found:
        assert path == "spec.hosting.connectors[0].version"
        assert says is not None and says in message


def test_the_same_end_is_told_in_the_same_words_every_day() -> None:
    """Words that count days would write the status of the whole fleet each night."""
    said = {
        next(connectors.problems(connectors.endings(app("v2"), {NAME: REGISTER}, now=START + timedelta(days=day))))
        for day in (0, 1, 30)
    }
    assert len(said) == 1


def test_a_lasting_version_is_advised_when_none_is_recommended() -> None:
    plain = replace(REGISTER, recommended="", versions=(V1, V2, V3))
    (one,) = connectors.endings(app("v1"), {NAME: plain}, now=START)
    assert one.sentence.endswith("passez à v2 ou v3.")
    (alone,) = connectors.endings(app("v1"), {NAME: replace(plain, versions=(V1,))}, now=START)
    assert "voyez avec la DDSI" in alone.sentence


def test_what_is_remembered_is_recalled() -> None:
    found = tuple(one.with_token("j=eton\n") for one in links("v3"))
    assert connectors.recalled(connectors.remembered(found)) == (Given(NAME, "v3", "j=eton\n"),)
    assert connectors.recalled({}) == ()


@given(st.text(max_size=200))
def test_any_memory_is_read_or_ignored(text: str) -> None:
    for one in connectors.recalled({"connectors": text}):
        assert ConnectorUse(one.name, one.version)


def test_dates_are_those_of_paris() -> None:
    late = replace(REGISTER, versions=(replace(V2, ends_at=datetime(2026, 5, 31, 22, 30, tzinfo=UTC)),))
    (one,) = connectors.endings(app("v2"), {NAME: late}, now=START)
    assert "01/06/2026" in one.sentence
