"""``amcloud diff``: nothing when nothing changed, what a manifest would change, and nothing is ever written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from amcloud_fakes import FakeWorld
from amcloud_samples import manifest
from amcloud_story import DEPLOYMENT, NAME, hosted, settle
from typer.testing import CliRunner

from amcloud.cli import diff
from amcloud.clients import cluster, desk
from amcloud.clients.kubernetes_api import ForbiddenError
from amcloud.stages.declared.app import Allowance, Authority, Service, Suspension
from amcloud.stages.objects.operations import Apply

SETTINGS = {
    "AMCLOUD_DOMAIN": "amcloud.example",
    "AMCLOUD_FORGE_URL": "https://forge.example",
    "AMCLOUD_REGISTRY_URL": "https://registre.example",
    "AMCLOUD_REGISTRY_NAME": "registre.example",
    "AMCLOUD_OIDC_ISSUER": "https://connexion.example",
}
Run = Callable[..., Any]


class Server:
    """The API as the command reads it, over the in-memory cluster."""

    def __init__(self, outside: FakeWorld) -> None:
        self.outside, self.settings = outside, SETTINGS

    def resource(self, group: str, kind: str) -> Server:
        return self

    def path(self, namespace: str = "", name: str = "") -> str:
        return f"{namespace}/{name}"

    def items(self, *_: object, **__: object) -> list[Any]:
        return [self.outside.cluster.local_app(*one) for one in self.outside.cluster.apps]

    def get(self, path: str, **_: object) -> Any:
        if path == "amcloud-system/amcloud-settings":
            return {"data": self.settings}
        return self.outside.cluster.local_app(*path.split("/"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def made(outside: FakeWorld, *arguments: str, stdin: str | None = None) -> Any:
        monkeypatch.setenv("AMCLOUD_DOMAIN", "poste.example")  # a desk's: the operator's are in its ConfigMap
        monkeypatch.delenv("AMCLOUD_DATABASE_URL", raising=False)
        monkeypatch.setattr(desk, "api", lambda: Server(outside))
        previewed = lambda operation: operation.object if isinstance(operation, Apply) else None  # noqa: E731
        monkeypatch.setattr(outside.cluster, "preview", previewed, raising=False)
        monkeypatch.setattr(cluster, "KubernetesCluster", lambda _: outside.cluster)
        app = typer.Typer()
        diff.register(app)
        before = len(outside.effects)
        done = CliRunner().invoke(app, arguments, input=stdin)
        assert outside.effects[before:] == [], "a diff writes nothing"
        return done

    return made


def test_an_application_as_it_should_be_shows_no_difference(run: Run) -> None:
    done = run(hosted(), NAME)
    assert (done.exit_code, done.stdout) == (0, "Aucune différence.\n")
    assert json.loads(run(hosted(), NAME, "-o", "json").stdout) == []


def test_what_somebody_changed_by_hand_is_shown_without_colours_off_a_terminal(run: Run) -> None:
    outside = hosted()
    container = outside.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "registre.example/pirate:1"
    done = run(outside, NAME)
    assert done.exit_code == 1
    assert "-        image: registre.example/pirate:1" in done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    (found,) = json.loads(run(outside, NAME, "--output", "json").stdout)
    assert (found["stage"], found["object"], found["change"]) == (
        "acceptance", f"Deployment/{NAME} ({NAME}-acceptance)", "update",
    )  # fmt: skip


def test_a_manifest_is_compared_with_what_runs_before_anybody_applies_it(run: Run, tmp_path: Path) -> None:
    outside = hosted(organisations=["671"])
    schedules = [{"name": "relances", "schedule": "0 6 * * *", "command": ["bin/console", "a"]}]
    file = tmp_path / "localapp.yaml"
    file.write_text(yaml.safe_dump(manifest(hosting={"schedules": schedules})), encoding="utf-8")
    done = run(outside, str(file), "-o", "json")
    assert done.exit_code == 1
    found = {one["object"].partition("/")[0]: one["change"] for one in json.loads(done.stdout)}
    assert found == {"ConfigMap": "update", "Ingress": "update", "CronJob": "create"}
    assert run(outside, "-", stdin=file.read_text(encoding="utf-8")).stdout.count("+++ CronJob/relances") == 1


def test_a_stage_without_a_revision_says_so(run: Run) -> None:
    stages = [{"name": "acceptance", "ref": {"branch": "main"}}, {"name": "production", "ref": {"tag": "v*"}}]
    done = run(hosted(stages=stages), NAME)
    assert done.exit_code == 0
    assert "production : aucune révision" in done.stderr


def test_a_suspension_that_stops_the_service_shows_what_stops_and_nothing_once_it_is(run: Run, tmp_path: Path) -> None:
    outside, stop = hosted(), {"reason": "Contrôle", "author": "camille", "service": "Stop"}
    file = tmp_path / "localapp.yaml"
    file.write_text(yaml.safe_dump(manifest(suspend=stop)), encoding="utf-8")
    done = run(outside, str(file), "-o", "json")
    found = {one["object"].partition("/")[0]: one["change"] for one in json.loads(done.stdout)}
    assert found == {"HorizontalPodAutoscaler": "delete", "Deployment": "scale"}
    assert "Contrôle. Le service est arrêté" in done.stderr
    outside.cluster.suspensions["cpam-bas-rhin", NAME] = Suspension("Contrôle", service=Service.STOP, by=Authority.DDSI)
    assert run(outside, NAME, "-o", "json").stdout == done.stdout
    settle(outside)
    assert run(outside, NAME).stdout == "Aucune différence.\n"
    outside.cluster.suspensions.clear()
    back = json.loads(run(outside, NAME, "-o", "json").stdout)
    assert {one["object"].partition("/")[0] for one in back} == {"HorizontalPodAutoscaler", "Deployment"}


def test_a_size_that_the_budget_puts_off_changes_nothing_and_is_said(run: Run, tmp_path: Path) -> None:
    outside = hosted(hosting={"size": "small"})
    owner = outside.cluster.organisations_by_code["671"]
    outside.cluster.organisations_by_code["671"] = replace(owner, allowance=Allowance(yearly_euros=1200))
    file = tmp_path / "localapp.yaml"
    file.write_text(yaml.safe_dump(manifest(hosting={"size": "large"})), encoding="utf-8")
    done = run(outside, str(file))
    assert (done.exit_code, done.stdout) == (0, "Aucune différence.\n")
    assert (
        "dépasserait son plafond (1200 € par an)" in done.stderr and "L'instance reste en taille small." in done.stderr
    )
    both = [{"name": name, "ref": {"branch": "main"}} for name in ("development", "acceptance")]
    file.write_text(yaml.safe_dump(manifest(stages=both)), encoding="utf-8")
    assert "une instance small" in run(outside, str(file)).stderr
    outside.cluster.organisations_by_code["671"] = owner
    file.write_text(yaml.safe_dump(manifest(hosting={"size": "large"})), encoding="utf-8")
    assert run(outside, str(file)).exit_code == 1


def test_a_stage_that_the_manifest_gives_up_shows_that_its_instance_goes(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "localapp.yaml"
    elsewhere = [{"name": "development", "ref": {"branch": "main"}}]
    file.write_text(yaml.safe_dump(manifest(stages=elsewhere)), encoding="utf-8")
    (gone,) = json.loads(run(hosted(), str(file), "-o", "json").stdout)
    assert (gone["stage"], gone["object"], gone["change"]) == ("acceptance", f"Namespace/{NAME}-acceptance", "delete")
    assert run(hosted(), str(file), "--stage", "development").exit_code == 0


def test_a_secret_that_is_not_there_keeps_the_rest_from_being_applied_and_is_said(run: Run, tmp_path: Path) -> None:
    schedules = [{"name": "relances", "schedule": "0 6 * * *", "command": ["bin/console", "a"]}]
    file = tmp_path / "localapp.yaml"
    hosting = {"schedules": schedules, "secrets": ["smtp"]}
    file.write_text(yaml.safe_dump(manifest(hosting=hosting)), encoding="utf-8")
    done = run(hosted(), str(file), "-o", "json")
    assert "Secret absent" in done.stderr and "smtp" in done.stderr
    assert "CronJob" not in done.stdout and "Deployment" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        pytest.param(("inconnue",), None, "inconnue", id="no such application"),
        pytest.param((NAME, "--stage", "production"), None, "acceptance", id="no such stage"),
        pytest.param(("-",), "kind: Autre\n", "aucun document", id="no LocalApp"),
        pytest.param(("-",), "{", "YAML", id="no YAML"),
        pytest.param(("-",), "kind: LocalApp\n", "metadata.namespace", id="no namespace"),
    ],
)
def test_what_cannot_be_compared_is_a_wrong_command(
    run: Run, arguments: tuple[str, ...], stdin: str | None, said: str
) -> None:
    done = run(hosted(), *arguments, stdin=stdin)
    assert done.exit_code == 3
    assert said in done.stderr


def test_whoever_may_not_read_an_instance_is_told_who_may(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise ForbiddenError("lecture de Secret : HTTP 403")

    outside = hosted()
    monkeypatch.setattr(outside.cluster, "access", refused)
    done = run(outside, NAME)
    assert done.exit_code == 2
    assert "droits de l'opérateur" in done.stderr and "administrateur" in done.stderr


def test_settings_that_are_not_told_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "AMCLOUD_OIDC_ISSUER", "x")
    monkeypatch.delitem(SETTINGS, "AMCLOUD_OIDC_ISSUER")
    done = run(hosted(), NAME)
    assert done.exit_code == 2 and "AMCLOUD_OIDC_ISSUER" in done.stderr
