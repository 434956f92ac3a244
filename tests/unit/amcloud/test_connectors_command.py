"""``amcloud connectors``: versions with their ends, who declares them, and who is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import time_machine
import typer
from typer.testing import CliRunner

from amcloud.cli import connectors as command
from amcloud.clients import assembly
from amcloud.clients.kubernetes_api import Resource
from amcloud.errors import UnavailableError

NOW = "2026-06-01T08:00:00Z"
REGISTER = {
    "metadata": {"name": "referentiel-assures"},
    "spec": {
        "title": "Référentiel (exemple)",
        "recommended": "v3",
        "versions": [
            {"name": "v1", "endpoint": "http://192.0.2.1/v1", "endOfLifeTime": "2026-01-01T00:00:00Z"},
            {"name": "v2", "endpoint": "http://192.0.2.1/v2", "endOfLifeTime": "2026-09-01T00:00:00Z"},
            {"name": "v3", "endpoint": "http://192.0.2.1/v3"},
        ],
        "authorised": [
            {"app": app, "credentialsRef": {"name": "x"}} for app in ("cpam-bas-rhin/suivi", "cpam-bas-rhin/relances")
        ],
    },
}
LASTING = {
    "metadata": {"name": "annuaire"},
    "spec": {"title": "Annuaire", "versions": [{"name": "v3", "endpoint": "http://192.0.2.2/v3"}]},
}


def local_app(name: str, *uses: tuple[str, str], space: str = "cpam-bas-rhin") -> Any:
    listed = [{"name": connector, "version": version} for connector, version in uses]
    return {"metadata": {"name": name, "namespace": space}, "spec": {"hosting": {"connectors": listed}}}


class FakeApi:
    """What the cluster lists."""

    def __init__(self, apps: list[Any], connectors: list[Any]) -> None:
        self._listed = {"LocalApp": apps, "Connector": connectors}

    def resource(self, group: str, kind: str, *_: object) -> Resource:
        return Resource(f"{group}/v1", kind, False)

    def items(self, path: str, **_: object) -> list[Any]:
        return self._listed[path.rpartition("/")[2]]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, apps: Any = (), connectors: Any = (REGISTER, LASTING)) -> Any:
    made = typer.Typer()
    command.register(made)
    monkeypatch.setattr(assembly, "api", lambda: FakeApi(list(apps), list(connectors)))
    with time_machine.travel(NOW, tick=False):
        return CliRunner().invoke(made, arguments)


FINE = local_app("suivi", ("referentiel-assures", "v2"))
DAMAGED = {"metadata": {"name": "abimee", "namespace": "x"}, "spec": {"hosting": {"connectors": ["v2", {"name": 3}]}}}


def test_each_version_with_its_end_and_how_many_declare_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, apps=[FINE, DAMAGED, {"metadata": {"name": "x", "namespace": "y"}}])
    assert done.exit_code == 0, done.output
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[1:] == [
        ["annuaire", "v3", "ouverte", "-", "0", "0"],
        ["referentiel-assures", "v1", "a pris fin", "01/01/2026", "2", "0"],
        ["referentiel-assures", "v2", "prend fin", "01/09/2026", "2", "1"],
        ["referentiel-assures", "v3 (conseillée)", "ouverte", "-", "2", "0"],
    ]


@pytest.mark.parametrize(
    ("uses", "space", "state"),
    [
        pytest.param(("referentiel-assures", "v1"), "cpam-bas-rhin", "a pris fin", id="ended"),
        pytest.param(("referentiel-assures", "v9"), "cpam-bas-rhin", "inconnue", id="no such version"),
        pytest.param(("nulle-part", "v1"), "cpam-bas-rhin", "inconnue", id="no such connector"),
        pytest.param(("referentiel-assures", "v3"), "cpam-haut-rhin", "non autorisée", id="unauthorised"),
    ],
)
def test_who_is_refused_is_told_without_asking_and_ends_the_command_by_1(
    uses: tuple[str, str], space: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(monkeypatch, apps=[FINE, local_app("suivi", uses, space=space)])
    assert done.exit_code == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{space}/suivi") and last.endswith(state)
    assert len([line for line in done.stdout.splitlines() if "/suivi" in line]) == 1


def test_one_connector_shows_every_application_that_declares_it(monkeypatch: pytest.MonkeyPatch) -> None:
    apps = [FINE, local_app("relances", ("referentiel-assures", "v3"), ("annuaire", "v3"))]
    done = run(monkeypatch, "referentiel-assures", apps=apps)
    assert done.exit_code == 0
    assert "cpam-bas-rhin/suivi" in done.stdout and "cpam-bas-rhin/relances" in done.stdout
    assert "annuaire" not in done.stdout


def test_json_says_versions_and_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(run(monkeypatch, "--output", "json", apps=[FINE]).stdout)
    assert told["uses"] == [
        {"app": "cpam-bas-rhin/suivi", "connector": "referentiel-assures", "version": "v2", "state": "prend fin"}
    ]
    assert [one["endOfLifeTime"] for one in told["versions"] if one["version"] == "v2"] == ["2026-09-01T00:00:00+00:00"]


def test_a_name_that_nobody_knows_is_a_wrong_command(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, "referentiel")
    assert done.exit_code == 3
    assert "annuaire, referentiel-assures" in done.stderr


def test_no_connector_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, connectors=()).stdout == "Aucun connecteur n'est déclaré.\n"


def test_a_cluster_that_does_not_answer_ends_the_command_by_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise UnavailableError("le cluster ne répond pas")

    made = typer.Typer()
    command.register(made)
    monkeypatch.setattr(assembly, "api", away)
    assert CliRunner().invoke(made, []).exit_code == 2
