"""``amcloud rotate-credentials``: what it asks for, what it refuses, when it is done."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from amcloud_clock import Sleepers
from typer.testing import CliRunner

from amcloud.cli import rotate_credentials as command
from amcloud.cli import waiting
from amcloud.cli.options import StageName
from amcloud.clients import assembly
from amcloud.errors import InvalidManifestError
from amcloud.settings import REQUESTED_AT, ROTATE


def local_app(*stages: str, track: str = "homologation", namespace: str = "cpam-bas-rhin") -> dict[str, Any]:
    return {
        "metadata": {"name": "suivi", "namespace": namespace},
        "spec": {"track": track, "stages": [{"name": stage} for stage in stages]},
    }


class FakeApi:
    """LocalApps that an operator rotates at once."""

    def __init__(self, *found: dict[str, Any], operator: bool = True) -> None:
        self.found, self.operator = found, operator
        self.annotations: dict[str, str] = {}

    def resource(self, *_: object) -> FakeApi:
        return self

    def path(self, namespace: str = "", name: str = "") -> str:
        return f"{namespace}/{name}"

    def items(self, *_: object, **__: object) -> tuple[dict[str, Any], ...]:
        return self.found

    def get(self, path: str, **_: object) -> dict[str, Any] | None:
        found = [one for one in self.found if path == f"{one['metadata']['namespace']}/{one['metadata']['name']}"]
        token = self.annotations.get(REQUESTED_AT) if self.operator else None
        names = [name.removeprefix(ROTATE) for name in self.annotations if name.startswith(ROTATE)]
        status = {"stages": [{"name": name, "credentialsRotation": token} for name in names]}
        return {**found[0], "status": status} if found else None

    def patch(self, path: str, body: dict[str, Any], **_: object) -> dict[str, Any]:
        self.annotations.update(body["metadata"]["annotations"])
        return body


def run(monkeypatch: pytest.MonkeyPatch, api: FakeApi, *arguments: str) -> Any:
    app = typer.Typer()
    command.register(app)
    monkeypatch.setattr(assembly, "api", lambda: api)
    monkeypatch.setattr(waiting, "time", Sleepers())
    return CliRunner().invoke(app, arguments)


def test_every_declared_stage_is_asked_for_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi(local_app("acceptance", "production"))
    done = run(monkeypatch, api, "suivi")
    assert (done.exit_code, done.stdout) == (0, "Fait : les anciens accès n'ouvrent plus rien.\n")
    token = api.annotations[REQUESTED_AT]
    assert api.annotations == {f"{ROTATE}acceptance": token, f"{ROTATE}production": token, REQUESTED_AT: token}


def test_one_stage_with_app_secret_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi(local_app("acceptance", "production"), operator=False)
    done = run(monkeypatch, api, "suivi", "-n", "cpam-bas-rhin", "--stage", "production", "--app-secret", "--no-wait")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert [name for name in api.annotations if name.startswith(ROTATE)] == [f"{ROTATE}production"]
    assert api.annotations[f"{ROTATE}production"].endswith("Z/app-secret")


def test_when_time_is_over_it_says_that_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, FakeApi(local_app("acceptance"), operator=False), "suivi", "--timeout", "1")
    assert done.exit_code == 2
    assert "rien n'est coupé" in done.stderr


@pytest.mark.parametrize(
    ("found", "arguments", "said"),
    [
        pytest.param((), ("suivi",), "aucune application de ce nom", id="unknown"),
        pytest.param((local_app("acceptance"),), ("suivi", "-n", "autre"), "dans l'espace autre", id="elsewhere"),
        pytest.param(
            (local_app("acceptance"), local_app("acceptance", namespace="autre")), ("suivi",), "--namespace", id="twice"
        ),
        pytest.param((local_app("acceptance"),), ("suivi", "--stage", "production"), "spec.stages", id="no such stage"),
        pytest.param((local_app(),), ("suivi",), "n'est pas hébergée", id="no stage"),
        pytest.param(
            (local_app("acceptance", track="hors-standard"),), ("suivi",), "n'est pas hébergée", id="hors-standard"
        ),
    ],
)
def test_what_cannot_be_rotated_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, found: tuple[dict[str, Any], ...], arguments: tuple[str, ...], said: str
) -> None:
    api = FakeApi(*found)
    done = run(monkeypatch, api, *arguments)
    assert done.exit_code == 3
    assert said in done.stderr
    assert not api.annotations


def test_a_stage_is_done_when_the_status_names_the_request() -> None:
    status = {"status": {"stages": [{"name": "acceptance", "credentialsRotation": "t"}, {"name": "production"}]}}
    assert command.undone(status, ["acceptance", "production"], "t") == ["production"]
    assert command.undone(None, ["acceptance"], "t") == ["acceptance"]


def test_a_stage_that_is_not_declared_is_named() -> None:
    with pytest.raises(InvalidManifestError, match="development"):
        command.wanted(local_app("acceptance"), StageName.DEVELOPMENT)
