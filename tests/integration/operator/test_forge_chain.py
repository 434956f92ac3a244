"""From the forge's delivery to the report, one name; merge requests judged; ``doctor`` on a followed project."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from patience import until

from amcloud.clients import connection
from amcloud.clients.kubernetes_api import Api
from amcloud.doctor import PROJECT, State, examine
from amcloud.doctor.ground import Ground
from amcloud_sandbox.testing.forge import RunningForge
from amcloud_sandbox.testing.services import PostgresServer

from .conftest import GROUP_PATH, NAMESPACE, Cluster, Operator, local_app, project, statuses
from .test_operator import sample
from .test_reports_server import serving

REFUSED = {"index.php": "<?php echo 1;\n"}
KEY = "amcloud.cnamts.fr/correlation"


def delivered(forge: RunningForge, made: Any, trigger: str = "push_hooks") -> str:
    """The forge's name of the first delivery of that kind."""
    forge.wait_deliveries()
    listed: Any = forge.client().http_get(f"/projects/{made.id}/hooks/{made.hooks.list(get_all=True)[0].id}/events")
    pushes = [one for one in listed if one["trigger"] == trigger]
    return str(pushes[-1]["request_headers"]["X-Gitlab-Event-UUID"])


def test_one_name_leads_from_the_delivery_to_the_report(
    cluster: Cluster, forge: RunningForge, operator: Operator, postgres: PostgresServer, token: str
) -> None:
    made = project(forge, operator, "suivie")
    cluster.apply(local_app("suivie"))
    cluster.wait_reason("suivie", "RefNotFound", "RepositoryRefused")
    commit = forge.commit(f"{GROUP_PATH}/suivie", REFUSED)
    cluster.wait_reason("suivie", "NotConformant")
    name = delivered(forge, made)

    found = cluster.local_app("suivie")
    assert found is not None and found["status"]["stages"][0]["correlation"] == name
    listed = json.loads(cluster.kubectl("get", "events", "-n", NAMESPACE, "-o", "json").stdout)["items"]
    mine = [e for e in listed if e["involvedObject"]["name"] == "suivie" and e["reason"] == "NotConformant"]
    assert mine and all(e["metadata"]["annotations"][KEY] == name for e in mine)
    report = found["status"]["stages"][0]["conformance"]["reportRef"]["name"]
    kept = cluster.custom.get_namespaced_custom_object(
        "amcloud.cnamts.fr", "v1", NAMESPACE, "conformancereports", report
    )
    assert kept["metadata"]["annotations"][KEY] == name
    shown: Any = made.commits.get(commit).statuses.list(get_all=True)
    (psram,) = [one for one in shown if one.name == "amcloud/psram"]
    assert psram.target_url.endswith(f"?correlation={name}")
    with psycopg.connect(postgres.operator_url) as connected:
        row = connected.execute("SELECT correlation FROM reports WHERE commit_sha = %s", (commit,)).fetchone()
    assert row == (name,)
    lines = operator.journal()
    assert [one["result"] for one in lines if one["event"] == "webhook" and one.get("correlation") == name]
    decided = [one for one in lines if one["event"] == "stage_decision" and one.get("commit") == commit]
    assert decided and all(one["correlation"] == name for one in decided)


def test_the_pipeline_that_the_operator_starts_and_the_page_of_the_report_know_the_same_name(
    cluster: Cluster, forge: RunningForge, operator: Operator, postgres: PostgresServer, token: str
) -> None:
    made = project(forge, operator, "lancee")
    cluster.apply(local_app("lancee"))
    cluster.wait_reason("lancee", "RefNotFound", "RepositoryRefused")
    commit = sample(forge, "lancee")
    for pushed in made.pipelines.list(sha=commit, get_all=True):  # as where the forge starts none for a push
        made.pipelines.delete(pushed.id)
    name = delivered(forge, made)
    answered: Any = forge.client().http_get(f"/projects/{made.id}/hooks/{made.hooks.list(get_all=True)[0].id}/events")
    assert [json.loads(one["response_body"])["correlation"] for one in answered if one["trigger"] == "push_hooks"] == [
        name
    ]

    def started() -> list[Any]:
        return [one for one in made.pipelines.list(sha=commit, get_all=True) if one.source == "api"]

    (pipeline,) = until("the operator's pipeline", started)
    variables = forge.client().http_get(f"/projects/{made.id}/pipelines/{pipeline.id}/variables")
    assert [(one["key"], one["value"]) for one in variables] == [("AMCLOUD_CORRELATION", name)]
    shown: Any = made.commits.get(commit).statuses.list(get_all=True)
    (psram,) = [one for one in shown if one.name == "amcloud/psram"]
    address = urlsplit(psram.target_url)
    assert address.query == f"correlation={name}"
    with serving(postgres) as reports:
        page = requests.get(f"{reports}{address.path}?{address.query}", timeout=10)
    assert (page.status_code, page.headers["X-Amcloud-Correlation"]) == (200, name)
    found = cluster.local_app("lancee")
    assert found is not None and found["status"]["stages"][0]["correlation"] == name
    cluster.kubectl("delete", "lapp", "lancee", "-n", NAMESPACE)


def test_every_commit_of_a_merge_request_is_judged_and_the_application_stays_as_it_is(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    made, path = project(forge, operator, "fusion"), f"{GROUP_PATH}/fusion"
    main = forge.commit(path, REFUSED)
    cluster.apply(local_app("fusion"))
    cluster.wait_reason("fusion", "NotConformant")
    first = forge.commit(path, {"a.php": "<?php\n"}, branch="ma-branche")
    second = forge.commit(path, {"b.php": "<?php\n"}, branch="ma-branche")
    made.mergerequests.create({"source_branch": "ma-branche", "target_branch": "main", "title": "Essai"})
    for commit in (second, first):
        until(f"a verdict on {commit[:8]}", lambda one=commit: dict(statuses(forge, "fusion", one)) or None)
        assert dict(statuses(forge, "fusion", commit)) == {"amcloud/psram": "failed"}
    found = cluster.local_app("fusion")
    assert found is not None and found["status"]["stages"][0]["lastAttemptedCommit"] == main


def test_doctor_says_who_follows_a_project_and_with_which_credential(
    cluster: Cluster, forge: RunningForge, operator: Operator, token: str
) -> None:
    path = f"{GROUP_PATH}/examinee"
    project(forge, operator, "examinee")
    forge.commit(path, REFUSED)
    api = Api(connection.from_kubeconfig(cluster.plane.kubeconfig))
    url = f"http://127.0.0.1:{operator.port}/webhooks/gitlab"
    environment = {**operator.environment, "AMCLOUD_WEBHOOK_URL": url}
    ground = Ground(api, environment, "amcloud-system", inside=False, now=datetime.now(UTC), project=path)

    def found() -> dict[str, tuple[State, str]]:
        return {one.check: (one.state, one.said) for _, findings in examine(PROJECT, ground) for one in findings}

    alone = found()
    assert alone["localapp"][0] is State.ERROR and "Aucune LocalApp" in alone["localapp"][1]
    assert alone["hook"][0] is State.OK and url in alone["hook"][1]
    cluster.apply(local_app("examinee"))
    followed = found()
    assert "localapp" not in followed
    assert followed["localapp-credentials"][0] is State.OK and "forge-token" in followed["localapp-credentials"][1]
    assert followed["localapp-refs"][0] is State.OK
    assert followed["project-branches"][0] is State.OK, "the default branch is protected by the forge itself"
    assert followed["project-rights"][0] is State.OK
    forge.fail({"kind": "status", "path": "/api/*", "status": 503})
    try:
        from amcloud.doctor import forge_ground

        forge_ground._state.cache_clear()
        assert found()["project"][0] is State.UNKNOWN
    finally:
        forge.fail()
        cluster.kubectl("delete", "lapp", "examinee", "-n", NAMESPACE)
