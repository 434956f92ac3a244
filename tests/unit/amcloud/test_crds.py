"""The CRDs: bounded everywhere, structural, as the operator reads them; their CEL rules judge the samples."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml
from amcloud_fakes import FakeWorld
from amcloud_samples import ONE, START, manifest
from celpy.adapter import json_to_cel

from amcloud.reconcile import reconcile
from amcloud.stages.build import PipelineStatus
from amcloud.stages.declared import app as vocabulary

CRDS = Path(__file__).parents[3] / "crds"
FILES = sorted(CRDS.glob("*.yaml"))


@functools.cache
def crd(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def schema(path: Path) -> dict[str, Any]:
    version = crd(path)["spec"]["versions"][0]
    return dict(version["schema"]["openAPIV3Schema"])


def walk(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")


NODES = [
    pytest.param(node, id=f"{path.stem}{where}")
    for path in FILES
    for where, node in walk(schema(path))
    if where and where != ".metadata"
]


def test_every_kind_is_there() -> None:
    assert [path.stem for path in FILES] == [
        "acceptancereports",
        "commands",
        "conformancereports",
        "connectors",
        "localapps",
        "normpacks",
        "organisations",
        "suspensions",
    ]


@pytest.mark.parametrize("node", NODES)
def test_every_field_is_typed_and_bounded(node: Mapping[str, Any]) -> None:
    match node.get("type"):
        case "string":
            assert "maxLength" in node or "enum" in node
        case "integer":
            assert "minimum" in node and "maximum" in node
        case "array":
            assert "maxItems" in node
            assert node["x-kubernetes-list-type"] in {"atomic", "set", "map"}
        case "object":
            assert node.get("properties"), "an object without properties would take anything"
            assert not node.get("x-kubernetes-preserve-unknown-fields")
        case "boolean":
            pass
        case other:
            raise AssertionError(f"type {other}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_kind_has_its_columns_category_and_short_name(path: Path) -> None:
    spec = crd(path)["spec"]
    assert spec["names"]["categories"] == ["amcloud"]
    assert spec["names"]["shortNames"]
    assert spec["versions"][0]["additionalPrinterColumns"]
    for column in spec["versions"][0]["additionalPrinterColumns"]:
        assert _at(schema(path), column["jsonPath"]) or column["jsonPath"].startswith(".metadata.")


def test_localapp_shows_the_columns_that_people_know() -> None:
    columns = crd(CRDS / "localapps.yaml")["spec"]["versions"][0]["additionalPrinterColumns"]
    always = [column["name"] for column in columns if not column.get("priority")]
    assert always == ["READY", "STAGE", "CONFORMANT", "REASON", "TRACK", "COMMIT", "ORGS", "AGE"]
    assert [c["name"] for c in columns if c.get("priority")] == ["URL", "PACK", "UNTIL", "IMAGE", "MESSAGE"]


def _at(root: Mapping[str, Any], json_path: str) -> Mapping[str, Any] | None:
    node: Mapping[str, Any] | None = root
    for name in json_path.lstrip(".").split("."):
        node = (node or {}).get("properties", {}).get(name)
    return node


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("spec.track", vocabulary.Track),
        ("spec.lifecycle", vocabulary.Lifecycle),
        ("spec.criticality", vocabulary.Criticality),
        ("spec.maturity", vocabulary.Maturity),
        ("spec.domain", vocabulary.Domain),
        ("spec.privacy.classification", vocabulary.Privacy),
        ("spec.hosting.size", vocabulary.Size),
        ("spec.hosting.database.engine", vocabulary.Engine),
        ("spec.deletionPolicy", vocabulary.DeletionPolicy),
        ("spec.suspend.service", vocabulary.Service),
    ],
)
def test_the_operator_and_the_schema_know_the_same_words(field: str, words: type[StrEnum]) -> None:
    node = _at(schema(CRDS / "localapps.yaml"), field)
    assert node is not None
    assert set(node["enum"]) == {word.value for word in words}


def _fits(value: Any, node: Mapping[str, Any], path: str) -> None:
    """Structural pruning would lose nothing of ``value``, and its bounds hold."""
    if isinstance(value, dict):
        for name, item in value.items():
            assert name in node["properties"], f"{path}.{name} would be pruned"
            _fits(item, node["properties"][name], f"{path}.{name}")
        assert set(node.get("required", ())) <= set(value), path
    elif isinstance(value, list):
        assert len(value) <= node["maxItems"], path
        for item in value:
            _fits(item, node["items"], f"{path}[]")
    elif isinstance(value, str):
        assert len(value) <= node.get("maxLength", 1024), path
        assert value in node.get("enum", [value]), path


@pytest.mark.parametrize("spec", [{}, {"track": "hors-standard"}, {"track": 3}, {"hosting": {"secrets": ["absent"]}}])
def test_the_schema_keeps_all_that_the_operator_writes(spec: dict[str, Any]) -> None:
    outside = FakeWorld()
    outside.cluster.add(manifest(**spec))
    outside.forge.add(ONE, PipelineStatus.RUNNING)
    outside.forge.finish(ONE)
    for _ in range(2):
        found = outside.cluster.local_app("cpam-bas-rhin", "suivi-courriers")
        assert found is not None
        reconcile(found, outside.world())
        outside.passes(30)
    assert outside.time > START
    _fits(outside.cluster.status(), schema(CRDS / "localapps.yaml")["properties"]["status"], "status")


def samples(folder: str) -> list[Any]:
    return [
        pytest.param(path, document, id=f"{path.stem}-{number}")
        for path in sorted((CRDS / "samples" / folder).glob("*.yaml"))
        for number, document in enumerate(yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    ]


def _typed(value: Any, node: Mapping[str, Any]) -> Any:
    """``value``, read as plain text, with the integers that the schema says; times stay text, as for the API server."""
    if isinstance(value, dict):
        return {name: _typed(item, node.get("properties", {}).get(name, {})) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, node.get("items", {})) for item in value]
    return int(value) if node.get("type") == "integer" else value


def violated(document: Mapping[str, Any]) -> list[str]:
    """Messages of the CEL rules that refuse ``document`` at its creation."""
    path = next(path for path in FILES if crd(path)["spec"]["names"]["kind"] == document["kind"])
    root = schema(path)
    return list(_refused(_typed(dict(document), root), root))


def _refused(value: Any, node: Mapping[str, Any]) -> Iterator[str]:
    for rule in node.get("x-kubernetes-validations", ()):
        if "oldSelf" in rule["rule"]:
            continue  # judged when an object changes, not at its creation
        environment = celpy.Environment()
        program = environment.program(environment.compile(rule["rule"]))
        if not program.evaluate({"self": json_to_cel(value)}):
            yield rule["message"]
    if isinstance(value, dict):
        for name, item in value.items():
            if name in node.get("properties", {}):
                yield from _refused(item, node["properties"][name])
    if isinstance(value, list) and "items" in node:
        for item in value:
            yield from _refused(item, node["items"])


@pytest.mark.parametrize(("path", "document"), samples("valid"))
def test_cel_rules_let_the_valid_samples_in(path: Path, document: Mapping[str, Any]) -> None:
    assert violated(document) == []


@pytest.mark.parametrize(("path", "document"), samples("refused"))
def test_each_refused_sample_says_by_what(path: Path, document: Mapping[str, Any]) -> None:
    by, _, words = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(": ")
    assert by in {"cel", "schema"}
    if by == "cel":
        assert any(words in message for message in violated(document))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_cel_rule_compiles_and_speaks_french(path: Path) -> None:
    rules = [rule for _, node in walk(schema(path)) for rule in node.get("x-kubernetes-validations", ())]
    assert rules
    for rule in rules:
        celpy.Environment().compile(rule["rule"])
        assert rule["message"]


@pytest.mark.parametrize(
    ("kind", "field", "before", "after"),
    [
        ("conformancereports", "spec", {"app": "a"}, {"app": "b"}),
        ("organisations", "spec", {"code": "671", "label": "a"}, {"code": "681", "label": "a"}),
        ("normpacks", "spec", {"version": "1", "digest": "x"}, {"version": "1", "digest": "y"}),
        ("suspensions", "spec", {"author": "camille"}, {"author": "dominique"}),
        ("commands", "spec", {"app": "a"}, {"app": "b"}),
        ("acceptancereports", "spec", {"outcome": "Negative"}, {"outcome": "Positive"}),
        ("localapps", "spec", {"owner": {"organisation": "671"}}, {"owner": {"organisation": "681"}}),
    ],
)
def test_what_must_not_change_is_refused_when_it_does(kind: str, field: str, before: Any, after: Any) -> None:
    rules = _at(schema(CRDS / f"{kind}.yaml"), field)["x-kubernetes-validations"]  # type: ignore[index]
    transitions = [rule["rule"] for rule in rules if "oldSelf" in rule["rule"]]
    assert transitions
    environment = celpy.Environment()
    for rule in transitions:
        program = environment.program(environment.compile(rule))
        assert program.evaluate({"self": json_to_cel(before), "oldSelf": json_to_cel(before)})
        assert not program.evaluate({"self": json_to_cel(after), "oldSelf": json_to_cel(before)})
