"""``amcloud render``: it shows what would be made, or says why nothing would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from amcloud.cli import build

SAMPLE = Path(__file__).parents[3] / "sandbox" / "apps" / "suivi-courriers" / "localapp.yaml"


def render(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(build("render"), ["render", str(SAMPLE), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_sample_becomes_objects() -> None:
    code, said, _ = render("--stage", "acceptance", "--image", "registre.example/x@sha256:" + "a" * 64)
    assert code == 0
    assert "registre.example/x@sha256:aaaa" in said


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--stage", "recette", "n'est pas dans spec.stages (acceptance)"),
        ("--image", "registre.example/x:latest", "nom@sha256:…"),
        ("--networks", "base.example", "un réseau est attendu, trouvé « base.example »"),
        ("--commit", "main", "l'identifiant complet d'un commit"),
    ],
)
def test_what_no_revision_could_have_is_refused_with_a_reason(option: str, value: str, reason: str) -> None:
    code, said, why = render(option, value)
    assert (code, said) == (1, "")
    assert why.startswith(f"Erreur : {option} : ")
    assert reason in why


def egress(*arguments: str) -> list[dict[str, Any]]:
    code, said, why = render("--stage", "acceptance", *arguments)
    assert code == 0, why
    (found,) = (one for one in yaml.safe_load_all(said) if one["metadata"]["name"] == "sorties")
    return [rule for rule in found["spec"]["egress"] if rule["ports"][0]["port"] != 53]


def test_networks_bound_where_instances_go_and_without_any_ports_are_open_to_everywhere() -> None:
    given = egress("--networks", "198.51.100.0/24, 203.0.113.7/32")
    assert {to["ipBlock"]["cidr"] for rule in given for to in rule["to"]} == {"198.51.100.0/24", "203.0.113.7/32"}
    assert all("to" in rule for rule in egress())
    assert not any("to" in rule for rule in egress("--networks", ""))


def test_an_application_that_is_never_hosted_has_no_object() -> None:
    never = SAMPLE.parents[1] / "tableau-perso" / "localapp.yaml"
    done = CliRunner().invoke(build("render"), ["render", str(never)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "hors-standard" in done.stderr


CALLER = """\
apiVersion: amcloud.cnamts.fr/v1
kind: LocalApp
metadata: {name: suivi-courriers, namespace: cpam-bas-rhin}
spec:
  title: Suivi
  owner: {organisation: "671"}
  track: homologation
  repository: {project: cpam-bas-rhin/suivi-courriers}
  stages: [{name: production, ref: {tag: "v*"}}]
  hosting: {connectors: [{name: referentiel-assures, version: VERSION}]}
"""
CONNECTOR = Path(__file__).parents[3] / "crds" / "samples" / "valid" / "connector.yaml"


def call(folder: Path, version: str, *arguments: str) -> tuple[int, str, str]:
    file = folder / "localapp.yaml"
    file.write_text(CALLER.replace("VERSION", version), encoding="utf-8")
    done = CliRunner().invoke(build("render"), ["render", str(file), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_connector_is_shown_as_the_platform_declares_it_or_as_an_example(tmp_path: Path) -> None:
    code, said, _ = call(tmp_path, "v2")
    assert (code, "https://referentiel-assures.example/v2" in said) == (0, True)
    code, said, _ = call(tmp_path, "v2", "--connectors", str(CONNECTOR))
    assert (code, "https://assures.cnam.example/v2" in said, "192.0.2.0/24" in said) == (0, True, True)


def test_a_connector_that_would_be_refused_is_refused_here_too(tmp_path: Path) -> None:
    code, said, why = call(tmp_path, "v9", "--connectors", str(CONNECTOR))
    assert (code, said) == (1, "")
    assert "n'a pas de version v9 ; il a : v1, v2" in why
