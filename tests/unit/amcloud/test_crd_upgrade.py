"""A definition of today takes every object that an earlier version's took: fields stay, bounds only widen.

``tests/integration/install/previous/<version>`` holds the definitions of earlier versions; the integration test beside
them does the same with a real API server and stored objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PREVIOUS = sorted((ROOT / "tests" / "integration" / "install" / "previous").glob("*/*.yaml"))
WIDER = ("maxLength", "maxItems", "maximum")
LOWER = ("minLength", "minItems", "minimum")


def versions(path: Path) -> dict[str, Any]:
    """Schemas by version."""
    spec = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["spec"]
    return {one["name"]: one["schema"]["openAPIV3Schema"] for one in spec["versions"] if one["served"]}


def narrowed(before: Mapping[str, Any], after: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    """Each way in which ``after`` refuses, or forgets, what ``before`` took."""
    if after is None:
        yield f"{path} : gone"
        return
    if before.get("type") != after.get("type"):
        yield f"{path} : type {before.get('type')} → {after.get('type')}"
    if lost := set(before.get("enum") or ()) - set(after.get("enum") or before.get("enum") or ()):
        yield f"{path} : words lost {lost}"
    if new := set(after.get("required") or ()) - set(before.get("required") or ()):
        yield f"{path} : newly required {new}"
    if after.get("pattern") not in {None, before.get("pattern")}:
        yield f"{path} : another pattern"
    yield from (f"{path} : {name} smaller" for name in WIDER if after.get(name, 2**63) < before.get(name, 2**63))
    yield from (f"{path} : {name} greater" for name in LOWER if after.get(name, -(2**63)) > before.get(name, -(2**63)))
    for name, child in (before.get("properties") or {}).items():
        yield from narrowed(child, (after.get("properties") or {}).get(name), f"{path}.{name}")
    if "items" in before:
        yield from narrowed(before["items"], after.get("items"), f"{path}[]")


MEANT = {
    "organisations v1.spec.code : another pattern": (
        "990 to 999 are the synthetic organisations': a real one of that code would be shown their data; amcloud "
        "doctor names one that was declared before"
    ),
}
"""What a definition refuses on purpose since an earlier version, and why."""


@pytest.mark.parametrize("path", PREVIOUS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_an_earlier_version_took_is_still_taken(path: Path) -> None:
    now = versions(ROOT / "crds" / path.name)
    for version, schema in versions(path).items():
        assert version in now, f"{version} is not served any more"
        found = [f"{path.stem} {one}" for one in narrowed(schema, now[version], version)]
        assert [one for one in found if one not in MEANT] == []


def test_there_is_an_earlier_version_to_compare_with() -> None:
    assert {path.parent.name for path in PREVIOUS} == {"0.1.0"}
    assert len(PREVIOUS) == 4


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param({"type": "string", "maxLength": 9}, {"type": "string", "maxLength": 8}, "maxLength", id="shorter"),
        pytest.param({"type": "string"}, {"type": "integer"}, "type", id="another type"),
        pytest.param({"enum": ["a", "b"]}, {"enum": ["a"]}, "words lost", id="a word less"),
        pytest.param({"properties": {"a": {}}}, {"properties": {}}, "gone", id="a field less"),
        pytest.param({"properties": {}}, {"properties": {}, "required": ["a"]}, "newly required", id="newly required"),
        pytest.param({"items": {"maximum": 2}}, {"items": {"maximum": 1}}, "maximum", id="within a list"),
        pytest.param({"pattern": "^a"}, {"pattern": "^b"}, "another pattern", id="another pattern"),
    ],
)
def test_a_narrower_definition_would_be_seen(before: dict[str, Any], after: dict[str, Any], said: str) -> None:
    assert any(said in one for one in narrowed(before, after, "v1"))
