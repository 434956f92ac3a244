"""Alerts, dashboard and runbooks go together: every measure they ask for exists, every alert says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud import assets, metrics
from amcloud.stages.reasons import Reason

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
OUTSIDE = {
    "up",
    "kube_cronjob_status_last_successful_time",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_available",
    "kube_job_status_failed",
    "kube_pod_container_status_restarts_total",
    "kube_resourcequota",
}
"""Measures of Prometheus itself and of kube-state-metrics."""
NAMES = re.compile(r"\b(?:amcloud|process|kube|container|node)_[a-z_]+\b|\bup\b")
INSTANCE = (ROOT / "templates" / "hosting" / "90-monitoring.yaml.j2").read_text(encoding="utf-8")


def rules() -> list[dict[str, Any]]:
    """The alerts of the operator, as installed."""
    found = yaml.safe_load((MONITORING / "rules.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


def instance_rules() -> list[dict[str, Any]]:
    """The alerts of an instance, as rendered."""
    golden = ROOT / "tests" / "unit" / "amcloud" / "stages" / "golden" / "render"
    text = (golden / "watched-with-measures-of-its-own.yaml").read_text(encoding="utf-8")
    (found,) = [one for one in yaml.safe_load_all(text) if one["kind"] == "PrometheusRule"]
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


RULES = [pytest.param(rule, id=rule["alert"]) for rule in rules() + instance_rules()]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
TARGETS = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]


def known() -> set[str]:
    """Every series that the operator publishes, or that is published beside it."""
    series = {sample.name for family in metrics.REGISTRY.collect() for sample in family.samples}
    for family in metrics.REGISTRY.collect():  # a measure with labels has no sample before it is used
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}[family.type]
        series |= {family.name + ending for ending in endings}
    return series | OUTSIDE


def asked(expression: str) -> set[str]:
    return set(NAMES.findall(re.sub(r"\"[^\"]*\"", '""', re.sub(r"\{[^}]*\}", "{}", expression))))


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_asks_for_measures_that_exist_and_says_how_grave_it_is(rule: dict[str, Any]) -> None:
    assert asked(rule["expr"]) and asked(rule["expr"]) <= known()
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_names_reasons_that_exist(rule: dict[str, Any]) -> None:
    for words in re.findall(r'reason[=!]~?"([^"]+)"', rule["expr"]):
        assert set(words.split("|")) <= {str(reason) for reason in Reason}


@pytest.mark.parametrize("rule", RULES)
def test_an_alert_leads_to_its_section(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page in {"docs/runbooks.md", "$(AMCLOUD_RUNBOOKS_URL)"}
    assert anchor == rule["alert"].lower()
    section = RUNBOOKS.split(f"\n## {rule['alert']}\n")[1].split("\n## ")[0]
    assert len(section.split()) > 20, "says too little"


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    told = re.findall(r"^## (Amcloud\w+)$", RUNBOOKS, re.MULTILINE)
    assert sorted(told) == sorted(rule["alert"] for rule in rules() + instance_rules())


@pytest.mark.parametrize("expression", TARGETS)
def test_the_dashboard_asks_for_measures_that_exist(expression: str) -> None:
    assert asked(expression) and asked(expression) <= known()


def test_the_dashboard_s_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_measure_of_ours_is_watched_by_an_alert_or_shown() -> None:
    used = {name for rule in rules() for name in asked(rule["expr"])}
    used |= {name for param in TARGETS for name in asked(str(param.values[0]))}
    ours = {family.name for family in metrics.REGISTRY.collect() if family.name.startswith("amcloud_")}
    unseen = {name for name in ours if not any(one.startswith(name) for one in used)}
    assert unseen <= {"amcloud_build_info"}


def test_the_wheel_carries_them() -> None:
    assert (assets.folder("deploy") / "monitoring" / "rules.yaml").exists()
