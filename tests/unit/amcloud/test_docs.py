"""The pages that people read name every reason, measure and field that exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud import metrics
from amcloud.stages.reasons import Reason

ROOT = Path(__file__).parents[3]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_reason_has_one_line_and_no_line_is_about_another() -> None:
    told = re.findall(r"^\| `(\w+)` \|", page("raisons.md"), re.MULTILINE)
    events_only = {
        "DriftRestored",
        "DataLeft",
        "OrganisationLeft",
        "ProblemFound",
        "StatusGivenUp",
        "CommandRun",
        "JournalRead",
    }
    events_only |= {"EnvironmentsLeft"}
    assert sorted(told) == sorted({*Reason, *events_only})


def test_every_setting_has_a_line_and_no_line_is_about_another() -> None:
    told = set(re.findall(r"^\| (`AMCLOUD_[^|]+) \|", page("reglages.md"), re.MULTILINE))
    named = set(re.findall(r"`AMCLOUD_(\w+)`", " ".join(told)))
    source = (ROOT / "operator" / "amcloud" / "settings.py").read_text(encoding="utf-8")
    assert named == set(re.findall(r'_(?:text|number|words|networks)\("([A-Z_]+)"', source))


def test_every_measure_has_a_line() -> None:
    told = set(re.findall(r"`((?:amcloud|process)_\w+)`", page("mesures.md")))
    suffixes = {"counter": "_total"}
    known = {family.name + suffixes.get(family.type, "") for family in metrics.REGISTRY.collect()}
    assert known <= told


def fields(node: dict[str, Any], path: str = "") -> set[str]:
    found = set()
    for name, child in node.get("properties", {}).items():
        inner = child.get("items", child)
        found |= fields(inner, f"{path}{name}.") if inner.get("properties") else {name}
    return found


@pytest.mark.parametrize(
    "kind", ["localapp", "conformancereport", "normpack", "organisation", "suspension", "command", "acceptancereport"]
)
def test_every_field_that_people_write_or_auditors_read_is_on_its_kind_s_page(kind: str) -> None:
    crd = yaml.safe_load((ROOT / "crds" / f"{kind}s.yaml").read_text(encoding="utf-8"))
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    counted = {"conforme", "nonConforme", "indetermine", "aValider", "nonApplicable", "deroge", "nonEvalue"}
    text = page(f"crds/{kind}.md")
    missing = {name for name in fields(spec) - counted if not re.search(rf"[`.]{name}`", text)}
    assert not missing
