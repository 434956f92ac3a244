"""Templates: golden objects, hostile values, and what no template may get wrong."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosting_objects import (
    ACCESS,
    BY_ADDRESS,
    BY_NAME,
    CLOSED,
    CURRENT,
    OLD,
    ORGANISATIONS,
    REVISION,
    SETTINGS,
    TEMPLATES,
    WATCHED,
    local_app,
    objects,
    one,
    stage,
)
from hypothesis import given
from hypothesis import strategies as st

from amcloud.errors import BrokenInstallationError
from amcloud.stages import manifest, render
from amcloud.stages.declared.app import App, Organisation, Schedule, Size, StageName
from amcloud.stages.objects import kinds
from amcloud.stages.objects.kinds import Offers
from amcloud.stages.render import Revision

GOLDEN = Path(__file__).parent / "golden" / "render"

RELANCES = {"name": "relances", "schedule": "0 6 * * 1-5", "command": ["bin/console", "app:relances"]}
HTTP = dataclasses.replace(SETTINGS, url_scheme="http", url_port=":8080", oidc_issuer="http://198.18.0.1:8931")
THREE = {"size": "large", "replicas": {"min": 3, "max": 3}}
PURGE = {"name": "purge", "schedule": "30 2 * * 0", "command": ["bin/console", "app:purge", "--force"]}
BARE = Offers({k: v for k, v in kinds.VERSIONS.items() if k not in kinds.OPTIONAL}, 34)
ROTATED = dataclasses.replace(
    ACCESS, app_url=ACCESS.app_url.replace("x_app", "x_app_b"), rotation="2026-03-02T08:00:00Z"
)
CALLS = {"connectors": [{"name": one.name, "version": one.version} for one in (BY_ADDRESS, BY_NAME, CLOSED)]}
CASES = [
    pytest.param({}, id="small, current cluster, https"),
    pytest.param({"offers": OLD, "settings": HTTP}, id="small, Kubernetes 1.20, http"),
    pytest.param({"at": StageName.DEVELOPMENT}, id="development"),
    pytest.param({"at": StageName.PRODUCTION, "app": THREE}, id="production, large, fixed replicas"),
    pytest.param({"app": {"schedules": [RELANCES], "secrets": ["smtp-credentials"]}}, id="schedule and secret"),
    pytest.param({"app": {"schedules": [RELANCES]}, "offers": OLD}, id="schedule, Kubernetes 1.20"),
    pytest.param({"served": ()}, id="no organisation"),
    pytest.param({"app": {"size": "medium", "schedules": [RELANCES, PURGE]}}, id="medium, two schedules"),
    pytest.param(
        {"app": {**CALLS, "schedules": [RELANCES], "secrets": ["a", "b"]}, "links": (BY_ADDRESS, BY_NAME, CLOSED)},
        id="connectors by address, by name and closed, schedule, two secrets",
    ),
    pytest.param(
        {"app": CALLS, "links": (BY_ADDRESS,), "offers": OLD, "settings": HTTP, "at": StageName.PRODUCTION},
        id="connector, production, Kubernetes 1.20, http",
    ),
    pytest.param({"access": ROTATED}, id="renewed credentials"),
    pytest.param({"offers": BARE, "app": {"schedules": [RELANCES]}}, id="schedule, cluster without optional kinds"),
    pytest.param({"app": {"replicas": {"min": 1, "max": 20}}}, id="from one to twenty replicas"),
    pytest.param({"app": {"metrics": {"path": "/mesures"}}, "offers": WATCHED}, id="watched, with measures of its own"),
    pytest.param({"at": StageName.PRODUCTION, "offers": WATCHED}, id="watched, production, no measure of its own"),
]


def _file(case: str) -> Path:
    return GOLDEN / (re.sub(r"\W+", "-", case) + ".yaml")


@pytest.mark.parametrize("case", CASES)
def test_objects_are_the_golden_ones(case: dict[str, Any], request: pytest.FixtureRequest) -> None:
    arguments = {**case, "app": local_app(**case.get("app", {}))}
    written = yaml.safe_dump_all(objects(**arguments), allow_unicode=True, sort_keys=True)
    file = _file(request.node.callspec.id)
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")


def test_the_golden_objects_show_each_kind_in_each_version_and_each_option_in_more_than_one_way() -> None:
    written = [
        one
        for file in GOLDEN.glob("*.yaml")
        for one in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    ]
    shown = {(one["kind"], one["apiVersion"]) for one in written}
    made = {kind for text in TEMPLATES.values() for kind in re.findall(r'version\("(\w+)"\)', text)}
    assert shown == {(kind, version) for kind in made for version in kinds.VERSIONS[kind]}
    asked = [local_app(**case.values[0].get("app", {})).hosting for case in CASES]  # type: ignore[union-attr]
    for field in dataclasses.fields(asked[0]):
        ways = {getattr(one, field.name) for one in asked}
        assert len(ways) > 1 or field.name == "storage_gib", field.name  # a bound that is told: no object has it
    assert {one.size for one in asked} == set(Size)
    assert {case.values[0].get("at", StageName.ACCEPTANCE) for case in CASES} == set(StageName)  # type: ignore[union-attr]
    assert {file.stem for file in GOLDEN.glob("*.yaml")} == {_file(str(case.id)).stem for case in CASES}


NASTY = [
    "oui", "no", "null", "~", "0o17", "1e3", "2026-01-01", "a: b", "- a", "# rien", "a # b", "{{ 7*7 }}", "{% raw %}",
    "'", '"', "\\", "\n- kind: ClusterRoleBinding", "---\nkind: Secret", "*ancre", "&ancre x", "!!python/object:x",
    "\x85\u2028\u2029\x7f\x00", "é😀", "\ufeff", "%", "@", "`", "|", ">", " ", "\t", "&lt;", "<b>",
]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
def test_a_value_is_only_ever_a_value(nasty: str) -> None:
    organisation = Organisation("671", nasty, "cpam-bas-rhin", "x")
    app = dataclasses.replace(
        local_app(), hosting=dataclasses.replace(local_app().hosting, schedules=(Schedule("t", nasty, (nasty, "-")),))
    )  # fmt: skip
    found = objects(app, served=(organisation,))
    listed = json.loads(one(found, "ConfigMap")["data"]["organisations.json"])["organisations"]
    assert listed == [{"code": "671", "name": nasty, "label": "cpam-bas-rhin", "enabled": True}]
    cron = one(found, "CronJob")["spec"]
    assert cron["schedule"] == nasty
    assert cron["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] == [nasty, "-"]
    assert [(o["kind"]) for o in found] == [o["kind"] for o in objects(local_app(schedules=[RELANCES]))]


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("kind: {{ unknown }}", id="an unknown name"),
        pytest.param("kind: {{ name", id="a syntax error"),
        pytest.param("kind: {{ name | safe }}", id="the filter that would lift quoting"),
        pytest.param("{{ ''.__class__.__mro__ }}", id="a way out of the sandbox"),
        pytest.param("{{ size.update({'a': 1}) }}", id="a change of a value"),
        pytest.param("{% for a in range(9) %}x{% endfor %}", id="a function that is not offered"),
        pytest.param("a: b: c", id="not YAML"),
        pytest.param("- a", id="not an object"),
        pytest.param("apiVersion: v1\nkind: Pod\nmetadata: {name: a}", id="a kind that is not allowed"),
        pytest.param("apiVersion: v2\nkind: Secret\nmetadata: {name: a}", id="a version that is not known"),
        pytest.param("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: kube-system}", id="elsewhere"),
        pytest.param("apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}", id="another namespace"),
        pytest.param("apiVersion: v1\nkind: Secret\nmetadata: {name: ../a}", id="a strange name"),
        pytest.param("apiVersion: v1\nkind: Secret\nmetadata: []", id="no metadata"),
        pytest.param("apiVersion: v1\nkind: [a]\nmetadata: {name: a}", id="a kind that is a list"),
    ],
)
def test_a_wrong_template_is_a_broken_installation_that_names_no_secret(template: str) -> None:
    with pytest.raises(BrokenInstallationError) as caught:
        objects(templates={"a.yaml.j2": template, "sizes.yaml": TEMPLATES["sizes.yaml"]})
    assert "motdepasse" not in str(caught.value)


@pytest.mark.parametrize("sizes", ["", "[]", "small: 1", "small: {requests: {}}", "a: b: c", "medium: {}"])
def test_wrong_sizes_are_a_broken_installation(sizes: str) -> None:
    with pytest.raises(BrokenInstallationError, match=r"sizes\.yaml"):
        objects(templates={**TEMPLATES, "sizes.yaml": sizes})


def test_a_server_without_a_needed_kind_is_said() -> None:
    with pytest.raises(BrokenInstallationError, match="Ingress"):
        objects(offers=Offers({**kinds.VERSIONS, "Ingress": ("extensions/v1beta1",)}, 14))


def test_a_server_without_autoscaling_gets_fixed_replicas() -> None:
    found = objects(offers=Offers({**kinds.VERSIONS, "HorizontalPodAutoscaler": ("autoscaling/v1",)}, 30))
    assert one(found, "Deployment")["spec"]["replicas"] == 2
    assert "HorizontalPodAutoscaler" not in {o["kind"] for o in found}


def test_replicas_are_left_to_the_autoscaler() -> None:
    assert "replicas" not in one(objects(), "Deployment")["spec"]


def test_development_has_one_replica_and_synthetic_organisations() -> None:
    found = objects(at=StageName.DEVELOPMENT)
    assert one(found, "Deployment")["spec"]["replicas"] == 1
    listed = json.loads(one(found, "ConfigMap")["data"]["organisations.json"])
    assert {o["code"] for o in listed["organisations"]} == {"991", "992"}
    assert listed["domain"] == "suivi-courriers.development.amcloud.example"


def test_every_pod_fits_the_restricted_standard() -> None:
    found = objects(local_app(schedules=[RELANCES]))
    specs = [
        one(found, "Deployment")["spec"]["template"]["spec"],
        one(found, "Job")["spec"]["template"]["spec"],
        one(found, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
    ]
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert "@sha256:" in container["image"]


def test_only_the_migration_gets_the_owner_s_credentials() -> None:
    found = objects(local_app(schedules=[RELANCES]))
    for thing in found:
        keys = set(re.findall(r'"key": "([a-z-]*database-url)"', json.dumps(thing)))
        assert keys <= ({"owner-database-url"} if thing["kind"] == "Job" else {"database-url"}), thing["kind"]


def test_credentials_are_in_the_secret_alone() -> None:
    for thing in objects():
        if thing["kind"] != "Secret":
            assert "motdepasse" not in json.dumps(thing)


def test_everything_is_marked_and_in_its_place() -> None:
    for thing in objects(local_app(schedules=[RELANCES])):
        metadata = thing["metadata"]
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "amcloud"
        for name in ("name", "instance", "version", "component", "part-of"):
            assert labels[f"app.kubernetes.io/{name}"], (thing["kind"], name)
        assert metadata["annotations"][render.OWNER] == "cpam-bas-rhin/suivi-courriers"
        assert metadata.get("namespace", metadata["name"]) == "suivi-courriers-acceptance"


def test_another_organisation_changes_neither_deployment_nor_job() -> None:
    few = objects(served=(ORGANISATIONS["671"],))
    many = objects(served=tuple(ORGANISATIONS.values()))
    changed = {a["kind"] for a, b in zip(few, many, strict=True) if a != b}
    assert changed == {"ConfigMap", "Ingress"}


def test_another_image_of_the_same_commit_is_another_migration() -> None:
    app = local_app()
    place = render.place(app, stage(), domain="d.example")
    other = Revision(REVISION.commit, REVISION.image[:-2] + "cd")
    names = {
        one(
            render.objects(app, stage(), place, r, (), ACCESS, CURRENT, SETTINGS, TEMPLATES), "Job"
        )["metadata"]["name"]
        for r in (REVISION, other)
    }  # fmt: skip
    assert len(names) == 2
    assert all(name.startswith("migration-0123456789ab-") for name in names)


def test_an_alert_leads_to_where_the_installation_publishes_what_to_do() -> None:
    settings = dataclasses.replace(SETTINGS, runbooks_url="https://pages.example/runbooks")
    (group,) = one(objects(offers=WATCHED, settings=settings), "PrometheusRule")["spec"]["groups"]
    found = {rule["annotations"]["runbook_url"] for rule in group["rules"]}
    assert "https://pages.example/runbooks#amcloudtacheenechec" in found and len(found) == 4


def test_an_instance_opens_nothing_on_nodes_and_keeps_nothing_on_volumes() -> None:
    hard = one(objects(), "ResourceQuota")["spec"]["hard"]
    assert {hard[f"services.{way}"] for way in ("nodeports", "loadbalancers")} == {"0"}
    assert hard["persistentvolumeclaims"] == "0"


@pytest.mark.parametrize("size", render.sizes(TEMPLATES).values(), ids=render.sizes(TEMPLATES))
def test_the_disk_of_a_node_is_bounded_and_holds_what_a_pod_may_write(size: dict[str, Any]) -> None:
    def mebibytes(text: str) -> int:
        return int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]

    limit = mebibytes(size["limits"]["ephemeral-storage"])
    assert limit > 512, "less than /tmp alone may hold: pods would be evicted"
    assert mebibytes(size["requests"]["ephemeral-storage"]) <= limit
    pods = int(size["quota"]["pods"])
    assert mebibytes(size["quota"]["limits.ephemeral-storage"]) >= pods * limit
    assert mebibytes(size["quota"]["requests.ephemeral-storage"]) >= pods * mebibytes(
        size["requests"]["ephemeral-storage"]
    )


@given(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True), unique=True, min_size=2, max_size=6))
def test_databases_of_distinct_namespaces_are_distinct_and_short(namespaces: list[str]) -> None:
    names = [render.database_name(namespace) for namespace in namespaces]
    assert len(set(names)) == len(names)
    assert all(len(f"{name}_owner".encode()) <= 63 for name in names)


def test_each_size_has_a_quota_for_its_usual_replicas() -> None:
    for name, size in render.sizes(TEMPLATES).items():
        pods = int(size["quota"]["pods"])
        assert pods >= 20, name
        assert size["yearlyEuros"] > 0


@pytest.mark.parametrize(
    ("app", "templates", "euros"),
    [
        pytest.param(local_app(size="small"), TEMPLATES, 1200, id="one stage"),
        pytest.param(
            dataclasses.replace(local_app(size="medium"), stages=(stage(), stage(StageName.PRODUCTION))),
            TEMPLATES,
            4800,
            id="two stages of a larger size",
        ),
        pytest.param(
            dataclasses.replace(local_app(size="large"), track=manifest.Track.HORS_STANDARD),
            TEMPLATES,
            0,
            id="never hosted",
        ),
        pytest.param(dataclasses.replace(local_app(), stages=()), TEMPLATES, 0, id="a project"),
        pytest.param(local_app(), {render.SIZES: "small: {requests: {}, limits: {}, quota: {}}"}, None, id="no price"),
        pytest.param(local_app(), {}, None, id="no sizes"),
    ],
)
def test_a_year_costs_the_price_of_the_size_for_each_stage(
    app: App, templates: dict[str, str], euros: int | None
) -> None:
    assert render.yearly_euros(app, templates) == euros
