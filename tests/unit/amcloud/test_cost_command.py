"""``amcloud cost``: lines by what is asked, in text, JSON and CSV; a bound that is exceeded ends the command by 1."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from amcloud.cli import cost as command
from amcloud.clients import assembly
from amcloud.clients.kubernetes_api import Discovery, Resource
from amcloud.settings import GROUP
from amcloud.stages.objects.quantities import amount

SPACES = {"cpam-bas-rhin": "671", "cpam-haut-rhin": "681"}


def local_app(name: str, space: str, *, size: str = "small", served: str = "small", track: str = "homologation") -> Any:
    return {
        "metadata": {"name": name, "namespace": space, "uid": "u"},
        "spec": {
            "title": name, "owner": {"organisation": SPACES[space]}, "track": track, "hosting": {"size": size},
            "repository": {"project": f"{space}/{name}"},
            "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        },
        "status": {"stages": [{"name": "acceptance", "deployedCommit": "1" * 40, "size": served} if served else {}]},
    }  # fmt: skip


def organisation(code: str, label: str, **quota: int) -> Any:
    return {"spec": {"code": code, "name": f"{label} (exemple)", "label": label, "kind": "CPAM", "quota": quota}}


class FakeApi:
    """Two organisations, three applications; ``measures`` is what metrics-server says, if there is one."""

    def __init__(self, quota: int, measures: list[Any] | None) -> None:
        self.listed: dict[str, list[Any]] = {
            "LocalApp": [
                local_app("suivi", "cpam-bas-rhin", size="large", served="medium"),
                local_app("relances", "cpam-bas-rhin", served=""),
                local_app("perso", "cpam-bas-rhin", track="hors-standard", served=""),
                local_app("annuaire", "cpam-haut-rhin", track="homologation"),
            ],
            "Organisation": [
                organisation("671", "cpam-bas-rhin", yearlyEuros=quota),
                organisation("681", "cpam-haut-rhin"),
            ],
            "PodMetrics": measures or [],
        }
        self.measures = measures

    def discovery(self) -> Discovery:
        served = {} if self.measures is None else {
            ("metrics.k8s.io", "PodMetrics"): (Resource("metrics.k8s.io/v1beta1", "PodMetrics", True),)
        }  # fmt: skip
        return Discovery(served, 30)

    def resource(self, group: str, kind: str, *_: object) -> Resource:
        return Resource(f"{group}/v1" if group else "v1", kind, kind == "LocalApp")

    def items(self, path: str, **_: object) -> list[Any]:
        return self.listed[path.rpartition("/")[2]]

    def get(self, path: str, **_: object) -> Any:
        return {"metadata": {"labels": {f"{GROUP}/organisation": SPACES[path.rpartition("/")[2]]}}}


def run(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    quota: int = 9000,
    measures: list[Any] | None = None,
    idle: bool = False,
) -> Any:
    app = typer.Typer()
    command.register(app)
    api = FakeApi(quota, measures)
    if idle:
        api.listed["Organisation"].append(organisation("311", "cpam-haute-garonne", yearlyEuros=500))
    monkeypatch.setattr(assembly, "api", lambda: api)
    return CliRunner().invoke(app, arguments)


def test_a_line_an_application_and_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch)
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == ["cpam-bas-rhin/suivi", "1", "1", "2400", "4800"]
    assert rows[2][0] == "cpam-bas-rhin/relances" and rows[2][1:] == ["1", "0", "0", "1200"]
    assert rows[-1] == ["TOTAL", "3", "2", "3600", "7200"]
    assert "perso" not in done.stdout


def test_by_organisation_shows_the_bound_and_says_when_it_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = run(monkeypatch, "--by", "organisation")
    assert fine.exit_code == 0
    dearest = fine.stdout.splitlines()[1]
    assert dearest.startswith("671 cpam-bas-rhin (exemple)") and dearest.split()[3:] == [
        "2",
        "1",
        "2400",
        "6000",
        "9000",
    ]
    over = run(monkeypatch, "--by", "track", quota=2000)
    assert over.exit_code == 1
    assert "(dépassé)" in run(monkeypatch, "--by", "organisation", quota=2000).stdout


def test_an_organisation_that_has_a_bound_and_no_instance_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = {"metadata": {"namespace": "suivi-acceptance"}, "containers": [{"usage": {"cpu": "1", "memory": "1Gi"}}]}
    done = run(monkeypatch, "--by", "organisation", "--use", measures=[pod], idle=True)
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["311", "cpam-haute-garonne", "(exemple)", "0", "0", "0", "0", "500", "0.000", "cœur,", "0", "Mio"] in rows
    alone = run(monkeypatch, "--by", "organisation", "--organisation", "681", idle=True).stdout
    assert "311" not in alone and "671" not in alone


def test_json_and_csv_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(run(monkeypatch, "--by", "track", "--output", "json").stdout)
    assert told["total"] == {"servedYearlyEuros": 3600, "askedYearlyEuros": 7200}
    rows = list(csv.DictReader(io.StringIO(run(monkeypatch, "--by", "track", "--output", "csv").stdout)))
    assert rows[0]["track"] == told["lines"][0]["track"] == "homologation"
    assert rows[0]["askedYearlyEuros"] == "7200"


def test_use_is_shown_where_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = {"metadata": {"namespace": "suivi-acceptance"}, "containers": [{"usage": {"cpu": "12m", "memory": "64Mi"}}]}
    done = run(monkeypatch, "--use", measures=[pod, pod])
    assert "0.024 cœur, 128 Mio" in done.stdout
    silent = run(monkeypatch, "--use")
    assert silent.exit_code == 0
    assert "ne mesure pas l'utilisation" in silent.stderr
    assert "UTILISÉ" not in silent.stdout


def test_one_organisation_may_be_asked_and_an_unknown_one_is_a_wrong_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "suivi" not in run(monkeypatch, "--organisation", "681").stdout
    assert run(monkeypatch, "--organisation", "999").exit_code == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2.0), ("250m", 0.25), ("120000n", 0.00012), ("64Mi", 64 * 1024**2), ("1.5Gi", 1.5 * 1024**3), ("1M", 1e6)],
)
def test_quantities_are_read(text: str, expected: float) -> None:
    assert amount(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "-1", "12x", "1e3", "Mi", "9" * 30])
def test_what_is_no_quantity_counts_nothing(text: str) -> None:
    assert amount(text) is None
