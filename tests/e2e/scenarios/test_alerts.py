"""Every alert on series as Prometheus evaluates them, by its own promtool: it fires when it should, and not before.

``promtool`` comes from Debian's package, fetched and not installed. Names of series are compared with those that the
operator publishes in ``tests/unit/amcloud/test_monitoring.py``.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from amcloud_sandbox import promtool
from amcloud_sandbox.layout import Layout

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "unit" / "amcloud" / "stages" / "golden" / "render"
SYSTEM = 'namespace="amcloud-system"'
PLACE = 'namespace="suivi-courriers-acceptance"'
DEPLOYED = f'{PLACE},deployment="suivi-courriers"'
Series = dict[str, str]
"""Values by series, one a step, in promtool's notation: ``0+60x30`` grows by 60 each time."""


@dataclass(frozen=True)
class Case:
    """Series under which an alert fires after ``at`` steps, and some under which it does not."""

    at: int
    fires: Series
    calm: Series = field(default_factory=dict)
    step_minutes: int = 1


CASES = {
    "AmcloudOperateurAbsent": Case(
        10, {f'up{{job="operator",{SYSTEM}}}': "0x20"}, {f'up{{job="operator",{SYSTEM}}}': "1x20"}
    ),
    "AmcloudPassagesCasses": Case(
        20, {'amcloud_passes_total{result="broken"}': "0x10 1x20"}, {'amcloud_passes_total{result="done"}': "0+9x30"}
    ),
    "AmcloudServiceIndisponible": Case(
        30,
        {'amcloud_passes_total{result="done"}': "0+6x40", 'amcloud_passes_total{result="troubled"}': "0+4x40"},
        {'amcloud_passes_total{result="done"}': "0+9x40", 'amcloud_passes_total{result="troubled"}': "0+1x40"},
    ),
    "AmcloudFileEnRetard": Case(
        20, {"amcloud_queue_depth": "60x30"}, {"amcloud_queue_depth": "60x10 0 60x20"}
    ),
    "AmcloudPassageSansFin": Case(
        5, {"amcloud_longest_pass_seconds": "1000x10"}, {"amcloud_longest_pass_seconds": "600x10"}
    ),
    "AmcloudDroitsManquants": Case(
        20,
        {'amcloud_kubernetes_requests_total{answer="403"}': "0+1x30"},
        {'amcloud_kubernetes_requests_total{answer="2xx"}': "0+50x30"},
    ),
    "AmcloudForgeMuette": Case(
        25, {"amcloud_last_poll_timestamp_seconds": "0x40"}, {"amcloud_last_poll_timestamp_seconds": "0+60x40"}
    ),
    "AmcloudForgeEpargnee": Case(20, {"amcloud_forge_paused": "1x30"}, {"amcloud_forge_paused": "1x10 0 1x20"}),
    "AmcloudNotificationsRefusees": Case(
        16,
        {'amcloud_webhooks_total{answer="wrong-token"}': "0+1x30"},
        {'amcloud_webhooks_total{answer="wrong-token"}': "0x10 1x30"},
    ),
    "AmcloudAvisAnciens": Case(
        9 * 24, {"amcloud_advisories_timestamp_seconds": "0x300"},
        {"amcloud_advisories_timestamp_seconds": "0x71 259200x230"}, step_minutes=60,
    ),
    "AmcloudFuiteEntreOrganismes": Case(2, {"amcloud_leaking_stages": "1x5"}, {"amcloud_leaking_stages": "0x5"}),
    "AmcloudInstallationCassee": Case(
        15,
        {'amcloud_stages{stage="acceptance",reason="BrokenInstallation"}': "1x20"},
        {'amcloud_stages{stage="acceptance",reason="Serving"}': "9x20"},
    ),
    "AmcloudMisesEnServiceEnEchec": Case(
        40,
        {'amcloud_stages{stage="production",reason="CrashLooping"}': "2x50"},
        {'amcloud_stages{stage="production",reason="NotConformant"}': "2x50"},
    ),
    "AmcloudLivraisonsLentes": Case(
        60,
        {'amcloud_delivery_seconds_bucket{stage="acceptance",le="1800"}': "0+1x70",
         'amcloud_delivery_seconds_bucket{stage="acceptance",le="3600"}': "0+9x70",
         'amcloud_delivery_seconds_bucket{stage="acceptance",le="+Inf"}': "0+9x70"},
        {'amcloud_delivery_seconds_bucket{stage="acceptance",le="1800"}': "0+9x70",
         'amcloud_delivery_seconds_bucket{stage="acceptance",le="3600"}': "0+9x70",
         'amcloud_delivery_seconds_bucket{stage="acceptance",le="+Inf"}': "0+9x70"},
    ),
    "AmcloudSauvegardeAncienne": Case(
        27,
        {f'kube_cronjob_status_last_successful_time{{{SYSTEM},cronjob="amcloud-backups"}}': "0x30"},
        {f'kube_cronjob_status_last_successful_time{{{SYSTEM},cronjob="amcloud-backups"}}': "0x16 60000x20"},
        step_minutes=60,
    ),
    "AmcloudSauvegardeEnEchec": Case(
        5,
        {f'kube_job_status_failed{{{SYSTEM},job_name="amcloud-backups-1"}}': "1x10"},
        {f'kube_job_status_failed{{{SYSTEM},job_name="amcloud-images-1"}}': "1x10"},
    ),
    "AmcloudRapportsIndisponibles": Case(
        10,
        {f'kube_deployment_status_replicas_available{{{SYSTEM},deployment="amcloud-reports"}}': "0x20"},
        {f'kube_deployment_status_replicas_available{{{SYSTEM},deployment="amcloud-reports"}}': "1x20"},
    ),
    "AmcloudInstanceIndisponible": Case(
        10,
        {f"kube_deployment_status_replicas_available{{{DEPLOYED}}}": "0x20",
         f"kube_deployment_spec_replicas{{{DEPLOYED}}}": "2x20"},
        {f"kube_deployment_status_replicas_available{{{DEPLOYED}}}": "0x20",
         f"kube_deployment_spec_replicas{{{DEPLOYED}}}": "0x20"},  # a suspension stopped it
    ),
    "AmcloudInstanceRedemarre": Case(
        30,
        {f'kube_pod_container_status_restarts_total{{{PLACE},container="web",pod="a"}}': "0+1x40"},
        {f'kube_pod_container_status_restarts_total{{{PLACE},container="web",pod="a"}}': "0x10 1x30"},
    ),
    "AmcloudTacheEnEchec": Case(
        5,
        {f'kube_job_status_failed{{{PLACE},job_name="relances-1"}}': "1x10"},
        {'kube_job_status_failed{namespace="autre",job_name="relances-1"}': "1x10"},
    ),
    "AmcloudQuotaPresquePlein": Case(
        40,
        {f'kube_resourcequota{{{PLACE},resource="limits.memory",type="used"}}': "95x50",
         f'kube_resourcequota{{{PLACE},resource="limits.memory",type="hard"}}': "100x50"},
        {f'kube_resourcequota{{{PLACE},resource="limits.memory",type="used"}}': "50x50",
         f'kube_resourcequota{{{PLACE},resource="limits.memory",type="hard"}}': "100x50"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def program() -> Path:
    return promtool.ensure(layout=Layout(), say=print)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The alerts of the operator and of one instance, as Prometheus reads them."""
    installed = yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yaml").read_text(encoding="utf-8"))
    text = (GOLDEN / "watched-with-measures-of-its-own.yaml").read_text(encoding="utf-8")
    (rendered,) = [one for one in yaml.safe_load_all(text) if one["kind"] == "PrometheusRule"]
    path = tmp_path_factory.mktemp("alerts") / "rules.yaml"
    groups = [*installed["spec"]["groups"], *rendered["spec"]["groups"]]
    path.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return path


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(rules: Path) -> list[str]:
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def test_prometheus_reads_every_rule_and_every_alert_has_its_case(program: Path, rules: Path) -> None:
    assert f"SUCCESS: {len(CASES)} rules found" in run(program, "check", "rules", str(rules))
    assert sorted(names(rules)) == sorted(CASES)


def evaluated(case: Case, alert: str, series: Series, *, firing: bool) -> dict[str, Any]:
    """One test of promtool: whether the alert fires on these series. ``count`` of nothing is no sample."""
    query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    expected = [{"labels": "{}", "value": 1}] if firing else []
    return {
        "interval": f"{case.step_minutes}m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": f"{case.at * case.step_minutes}m", "exp_samples": expected}],
    }


@pytest.mark.parametrize("alert", sorted(CASES))
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_else(program: Path, rules: Path, alert: str) -> None:
    case = CASES[alert]
    tests = [evaluated(case, alert, case.fires, firing=True), evaluated(case, alert, case.calm, firing=False)]
    path = rules.parent / f"{alert}.yaml"
    whole = {"rule_files": [rules.name], "evaluation_interval": f"{case.step_minutes}m", "tests": tests}
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    run(program, "test", "rules", str(path))
