"""``amcloud status``, ``open``, ``suspend`` and what they share: screens, addresses, hints, durations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from amcloud.cli import applications, durations, status
from amcloud.cli.exits import Exit
from amcloud.cli.hints import HINTS, hint
from amcloud.cli.options import StageName
from amcloud.clients.local_apps import LocalApps
from amcloud.errors import InvalidManifestError
from amcloud.stages.reasons import Reason

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GOOD = {
    Reason.SERVING, Reason.CATALOGUED, Reason.DECLARED, Reason.CONFORMANT, Reason.SOURCE_FETCHED, Reason.ACCEPTED,
    Reason.BUILT, Reason.PROVISIONED, Reason.DATABASE_READY, Reason.TENANT_ISOLATED, Reason.DEROGATED, Reason.NOTIFIED,
    Reason.STORAGE_EXCEEDED, Reason.ISOLATION_UNPROVEN,  # told as conditions, never as why a stage does not serve
}  # fmt: skip


def condition(kind: str, state: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": state, "reason": reason, "message": message}


def stage(name: str, *conditions: dict[str, str], **values: Any) -> dict[str, Any]:
    return {"name": name, "conditions": list(conditions), **values}


def app(*stages: dict[str, Any], ready: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    whole = {"title": "Suivi des courriers", "owner": {"organisation": "671"}, "track": "homologation",
             "stages": [{"name": one["name"]} for one in stages], "organisations": ["681", "671"], **spec}  # fmt: skip
    seen = {
        "observedGeneration": 3,
        "stages": list(stages),
        "conditions": [ready or condition("Ready", "True", "Serving")],
    }
    metadata = {"name": "suivi", "namespace": "cpam-bas-rhin", "generation": 3}
    return {"metadata": metadata, "spec": whole, "status": seen}


SERVES = stage(
    "acceptance", condition("Ready", "True", "Serving"), condition("Available", "True"),
    url="http://cpam-bas-rhin.suivi.acceptance.amcloud.localhost:8080", deployedCommit="a" * 40,
)  # fmt: skip
BLOCKED = stage(
    "production", condition("Ready", "False", "NotConformant", "PHP-006 : 3 constats"), condition("Available", "True"),
    deployedCommit="b" * 40, conformance={"reportURL": "http://rapports.exemple/x"},
)  # fmt: skip
CRASHES = stage("acceptance", condition("Ready", "False", "CrashLooping", "boum"), condition("Available", "False"))
BUILDS = stage("acceptance", condition("Ready", "False", "Building", "pipeline 3"))


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        pytest.param(app(SERVES), Exit.OK, ["acceptance : en service (Serving), commit aaaaaaaa"], id="serves"),
        pytest.param(
            app(SERVES, BLOCKED), Exit.REFUSED,
            ["production : bloquée (NotConformant), bbbbbbbb continue de servir", "PHP-006 : 3 constats",
             "Ensuite : amcloud check", "http://rapports.exemple/x"],
            id="one of two is blocked",
        ),
        pytest.param(
            app(CRASHES), Exit.REFUSED,
            ["bloquée (CrashLooping), rien ne sert", "Ensuite : amcloud logs suivi --stage acceptance"], id="crashes",
        ),
        pytest.param(app(BUILDS), Exit.COULD_NOT_TELL, ["en cours (Building)", "rien à faire"], id="under way"),
        pytest.param(
            app(ready=condition("Ready", "True", "Catalogued", "jamais hébergée"), track="hors-standard"),
            Exit.OK, ["Catalogued : jamais hébergée"], id="catalogued",
        ),
        pytest.param({"metadata": {"name": "neuve", "namespace": "x", "generation": 1}},
                     Exit.COULD_NOT_TELL, ["n'en a encore rien dit"], id="just declared"),
    ],
)  # fmt: skip
def test_one_screen_says_what_serves_what_blocks_and_what_to_do(
    found: dict[str, Any], code: Exit, words: list[str]
) -> None:
    seen = status.described(found)
    text = "\n".join(status.screen(seen))
    assert all(word in text for word in words), text
    assert len(text.splitlines()) <= 24
    assert status.verdict(seen) is code


def test_one_stage_may_be_asked_about() -> None:
    seen = status.described(app(SERVES, BLOCKED), StageName.ACCEPTANCE)
    assert [one["name"] for one in seen["stages"]] == ["acceptance"]
    assert status.verdict(seen) is Exit.OK


def test_a_problem_that_stops_nothing_is_told_at_the_end() -> None:
    found = app(SERVES)
    found["status"]["problems"] = [{"path": "spec.hosting.connectors[0]", "message": "v2 finit le 01/03/2027"}]
    assert list(status.screen(status.described(found)))[-1] == "- spec.hosting.connectors[0] : v2 finit le 01/03/2027"


def test_every_reason_that_keeps_a_stage_from_serving_has_its_next_step() -> None:
    assert set(HINTS) >= {str(reason) for reason in set(Reason) - GOOD}
    for reason in Reason:
        assert "{" not in hint(str(reason), app="suivi", stage="acceptance")


ORGANISATIONS = {
    code: {"spec": {"code": code, "name": name, "label": label}}
    for code, name, label in (
        ("671", "CPAM du Bas-Rhin", "cpam-bas-rhin"),
        ("681", "CPAM du Haut-Rhin", "cpam-haut-rhin"),
    )
}


def test_each_organisation_has_its_address_on_the_same_instance() -> None:
    found = applications.addresses(app(SERVES), ORGANISATIONS)
    assert [(one.code, one.url) for one in found] == [
        ("671", "http://cpam-bas-rhin.suivi.acceptance.amcloud.localhost:8080"),
        ("681", "http://cpam-haut-rhin.suivi.acceptance.amcloud.localhost:8080"),
    ]


def test_development_serves_synthetic_organisations_and_an_owner_alone_is_served() -> None:
    developed = stage("development", url="https://fictif-a.suivi.development.exemple")
    assert {one.code for one in applications.addresses(app(developed), ORGANISATIONS)} == {"991", "992"}
    alone = applications.addresses(app(SERVES, organisations=[]), ORGANISATIONS)
    assert [one.code for one in alone] == ["671"]
    assert applications.addresses(app(CRASHES), ORGANISATIONS) == []


@pytest.mark.parametrize(
    ("found", "asked", "word"),
    [
        (app(SERVES, BLOCKED), None, "choisissez entre acceptance, production"),
        (app(SERVES), StageName.PRODUCTION, "pas dans spec.stages"),
        (app(track="hors-standard"), None, "pas hébergée"),
    ],
)
def test_a_stage_that_is_not_meant_clearly_is_asked_for(found: Any, asked: StageName | None, word: str) -> None:
    with pytest.raises(InvalidManifestError, match=word):
        applications.stage_of(found, asked)
    assert applications.stage_of(app(SERVES), None) == "acceptance"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
        ("2026-07-14T18:00", datetime(2026, 7, 14, 16, 0, tzinfo=UTC)),
        ("2026-07-14T18:00:00Z", datetime(2026, 7, 14, 18, 0, tzinfo=UTC)),
        ("2h", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("7j", datetime(2026, 3, 9, 8, 0, tzinfo=UTC)),
    ],
)
def test_an_end_is_read_as_people_mean_it(text: str, end: datetime) -> None:
    assert durations.end(text, command="suspend", option="--until", now=NOW) == end


@pytest.mark.parametrize("text", ["demain", "2020-01-01", "0s", "-1h", "99999d", "2026-13-01", "h"])
def test_an_end_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        durations.end(text, command="suspend", option="--until", now=NOW)
    assert caught.value.exit_code == Exit.USAGE
    assert f"--until {text} : " in capsys.readouterr().err


class FakeApi:
    def __init__(self, *names: str) -> None:
        self.names = names

    def resource(self, *_: object) -> FakeApi:
        return self

    def path(self, *_: object) -> str:
        return ""

    def items(self, *_: object, **__: object) -> list[dict[str, Any]]:
        return [{"metadata": {"name": name, "namespace": f"espace-{n}"}} for n, name in enumerate(self.names)]

    def get(self, *_: object, **__: object) -> None:
        return None


@pytest.mark.parametrize(
    ("names", "namespace", "word"),
    [
        (("suivi-courriers", "annuaire"), "", "vouliez-vous dire suivi-courriers ?"),
        (("suivi-courriers",), "cpam-bas-rhin", "dans l'espace cpam-bas-rhin ; vouliez-vous dire suivi-courriers ?"),
        (("annuaire",), "", "kubectl get lapp -A"),
        (("suivi-courrier", "suivi-courrier"), "", "plusieurs espaces \\(espace-0, espace-1\\) : --namespace"),
    ],
)
def test_a_name_that_is_unknown_or_ambiguous_is_answered_with_what_may_be_meant(
    names: tuple[str, ...], namespace: str, word: str
) -> None:
    with pytest.raises(InvalidManifestError, match=word):
        LocalApps(FakeApi(*names)).find("suivi-courrier", namespace)  # type: ignore[arg-type]
