"""What parsers say in English is told in French, with the file, the line and the field."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from psram import evidence
from psram.advisories import parse
from psram.collect.memory import collect_files
from psram.errors import PackError, UsageError
from psram.malformed import fault
from psram.pack_reading import document
from psram.yaml_loader import LOADER

ENGLISH = re.compile(r"\b(expected|missing|object contains|invalid|while|found|truncated|malformed|unknown)\b", re.I)


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    days: int = 0
    on: date | None = None
    kinds: dict[str, list[float]] = {}
    pair: tuple[int, int] = (0, 0)


def of_shape(data: Any) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, Shape)
    return fault(caught.value).said("REGLE.yaml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "REGLE.yaml : il manque le champ « name »"),
        ({"name": "x", "serverity": 1}, "REGLE.yaml : le champ « serverity » n'existe pas"),
        ({"name": 3}, "REGLE.yaml, champ « name » : un texte est attendu, pas un nombre entier"),
        ({"name": "x", "on": "31/01/2027"}, "REGLE.yaml, champ « on » : une date comme 2027-01-31 est attendue"),
        (
            {"name": "x", "kinds": {"a": ["b"]}},
            "REGLE.yaml, champ « kinds[...][0] » : un nombre est attendu, pas un texte",
        ),
        ({"name": "x", "pair": [1]}, "REGLE.yaml, champ « pair » : une liste est attendue (2), pas 1"),
        ([], "REGLE.yaml : un objet (des champs et leurs valeurs) est attendu, pas une liste"),
    ],
)
def test_a_value_of_another_shape_names_its_field_and_what_is_expected(data: Any, said: str) -> None:
    assert of_shape(data) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", "ligne 2 : une liste « [ » n'est pas fermée"),
        ("a: [\n", "ligne 2 : une liste « [ » ou un objet « { » n'est pas fermé"),
        ("a: b: c", "ligne 1 : « : » de trop"),
        ("a:\n\t- b", "ligne 2 : tabulation"),
        ("- a\nb: c", "ligne 2 : une ligne de la liste"),
        ("a: *x", "ligne 1 : « * » nomme une ancre"),
        ("a: !foo b", "ligne 1 : « ! » demande un type"),
        ("a: 'x", "ligne 1 : des guillemets"),
        ("{a: 1", "ligne 2 : un objet « { »"),
        ("a:\n  - b\n c: d", "ligne 3 : une ligne n'est pas alignée"),
        ("a: 1\na b\nc: 2", "ligne 3 : il manque « : »"),
        ('a: "\\q"', "ligne 1 : « \\ » suivi"),
        ("{[1]: 2}", "ligne 1 : une liste ou un objet sert de nom"),
        ("%YAML 3.0\n---\na: b", "ligne 1 : ce n'est pas du YAML"),
        ("a: 2026-13-45", "une date ou un nombre impossible"),
        ("a: !!timestamp x", "une date ou un nombre impossible"),
        ("\x01", "un caractère de contrôle"),
    ],
)
def test_yaml_that_cannot_be_read_names_the_line_and_what_to_look_for(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises((yaml.YAMLError, ValueError, AttributeError)) as caught:
        yaml.load(text, Loader=LOADER)
    assert fault(caught.value).said().startswith(said)
    file = tmp_path / "CMP-001.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(PackError) as refused:
        document(file)
    assert str(refused.value).startswith("CMP-001.yaml")
    assert not ENGLISH.search(str(refused.value))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a": tru}', b"[]", b'{"schema": 3}', b'{"schema": "x"}'])
def test_an_evidence_file_that_is_none_is_refused_in_french(content: bytes) -> None:
    with pytest.raises(UsageError, match="le fichier de preuves") as caught:
        evidence.load(content)
    assert not ENGLISH.search(str(caught.value))


def test_a_report_in_place_of_evidence_says_how_to_get_the_evidence() -> None:
    with pytest.raises(UsageError, match="c'est un rapport, pas un fichier de preuves : « amcloud evidence ADRESSE »"):
        evidence.load(b'{"schema": "psram.report/1", "results": []}')


def test_an_advisory_database_of_another_shape_is_told_in_french() -> None:
    problem = parse(b'[{"packageName": "x"}]', source="b.json").problem
    assert "un objet (des champs et leurs valeurs) est attendu, pas une liste" in problem


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"", "composer.json est vide"),
        (b" \n", "composer.json est vide"),
        (b"{", "n'est pas du JSON valide (ligne 1)"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(content: bytes, said: str) -> None:
    assert said in collect_files({"composer.json": content}).composer.manifest_problem


def test_a_configuration_that_cannot_be_read_says_why() -> None:
    facts = collect_files({"config/services.yaml": b"a: [1"})
    (blob,) = facts.blobs.values()
    assert blob.data is not None
    assert blob.data.problem.startswith("YAML illisible (une liste « [ » n'est pas fermée")
