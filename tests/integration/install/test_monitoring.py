"""Where the cluster has Prometheus Operator's kinds: deploy/monitoring is taken, and each instance gets its own alerts.

The kinds are minimal definitions of ours, in the real group and version: what is shown is discovery, application and
removal, not Prometheus Operator's own validation.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import until

from amcloud import assets
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.connection import from_kubeconfig
from amcloud.clients.kubernetes_api import Api
from amcloud.settings import Settings
from amcloud.stages import apply, manifest, render
from amcloud.stages.apply import Inventory, Wave
from amcloud.stages.declared.app import Organisation
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import Access, Revision
from amcloud_sandbox import control_plane as planes
from amcloud_sandbox.control_plane import ControlPlane

ROOT = Path(__file__).parents[3]
KINDS = {"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"}
SETTINGS = Settings(
    domain="amcloud.test", url_scheme="https", url_port="", forge_url="https://forge.test", forge_token="",
    registry_url="https://registre.test", registry_name="registre.test", database_url="postgresql://base.test/amcloud",
    reports_url="https://rapports.test", oidc_issuer="https://connexion.test", webhook_token="",
)  # fmt: skip


def definition(kind: str, plural: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with planes.temporary(print) as made:
        documents = [definition(kind, plural) for kind, plural in KINDS.items()]
        documents += [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in ("amcloud-system", "suivi-acceptance")
        ]
        kubectl(made, "apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
        for plural in KINDS.values():
            kubectl(made, "wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com")
        yield made


def kubectl(plane: ControlPlane, *arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        [plane.programs.path("kubectl"), "--kubeconfig", str(plane.kubeconfig), *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def desired(cluster: KubernetesCluster) -> tuple[Object, ...]:
    """The monitoring objects of an instance, as this server's discovery makes them."""
    found = {
        "metadata": {"name": "suivi", "namespace": "cpam-bas-rhin", "uid": "u"},
        "spec": {
            "title": "Suivi (exemple)", "owner": {"organisation": "671"}, "track": "homologation",
            "repository": {"project": "cpam-bas-rhin/suivi"}, "hosting": {"metrics": {"path": "/mesures"}},
            "stages": [{"name": "acceptance", "ref": {"branch": "main"}}],
        },
    }  # fmt: skip
    known = {"671": Organisation("671", "CPAM (exemple)", "cpam-bas-rhin", "cpam-bas-rhin")}
    app = manifest.parse(found, known, lambda _: "671")
    stage = app.stages[0]
    place = render.place(app, stage, domain=SETTINGS.domain)
    revision = Revision("1" * 40, "registre.test/p@sha256:" + "1" * 64)
    access = Access("postgresql://a:b@base.test/x", "postgresql://c:d@base.test/x", "s", "o")
    made = render.objects(
        app, stage, place, revision, tuple(known.values()), access, cluster.offers(), SETTINGS,
        assets.hosting_templates(),
    )  # fmt: skip
    return tuple(one for one in made if one["kind"] in KINDS)


def test_the_operator_s_measures_and_alerts_are_taken_twice_alike(plane: ControlPlane) -> None:
    kubectl(plane, "apply", "-k", str(ROOT / "deploy" / "monitoring"))
    again = kubectl(plane, "apply", "-k", str(ROOT / "deploy" / "monitoring"))
    assert again.count("unchanged") == 4
    alerts = kubectl(plane, "get", "prometheusrule", "amcloud-operator", "-n", "amcloud-system", "-o", "yaml")
    assert "AmcloudFuiteEntreOrganismes" in alerts


def test_alerts_lead_to_the_address_that_an_overlay_gives(plane: ControlPlane, tmp_path: Path) -> None:
    base = os.path.relpath(ROOT / "deploy" / "monitoring", tmp_path)
    target = {"version": "v1", "kind": "ConfigMap", "name": "amcloud-monitoring", "namespace": "amcloud-system"}
    patch = [{"op": "replace", "path": "/data/runbooks", "value": "https://pages.example/conduite"}]
    (tmp_path / "runbooks.yaml").write_text(yaml.safe_dump(patch), encoding="utf-8")
    whole = {"bases": [base], "patchesJson6902": [{"target": target, "path": "runbooks.yaml"}]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    made = list(yaml.safe_load_all(kubectl(plane, "kustomize", str(tmp_path))))
    (rules,) = (one for one in made if one["kind"] == "PrometheusRule")
    led = {rule["annotations"]["runbook_url"] for group in rules["spec"]["groups"] for rule in group["rules"]}
    assert len(led) == 17 and all(one.startswith("https://pages.example/conduite#amcloud") for one in led)


def test_an_instance_s_own_are_applied_once_and_are_gone_with_their_kinds(plane: ControlPlane) -> None:
    api = Api(from_kubeconfig(plane.kubeconfig))
    cluster = KubernetesCluster(api)
    wanted = desired(cluster)
    keys = apply.keys(wanted)
    assert {one.kind for one in keys} == set(KINDS)
    first = apply.plan(wanted, cluster.live(keys), Inventory(), wave=Wave.SERVICE)
    for operation in first:
        cluster.execute(operation)
    assert len(first) == 2
    assert apply.plan(wanted, cluster.live(keys), Inventory(keys), wave=Wave.SERVICE) == ()
    assert "AmcloudInstanceIndisponible" in kubectl(plane, "get", "prometheusrule", "-A", "-o", "yaml")

    for plural in KINDS.values():
        kubectl(plane, "delete", "crd", f"{plural}.monitoring.coreos.com")
    until(
        "the definitions are gone",
        lambda: not ({("monitoring.coreos.com", kind) for kind in KINDS} & set(resources(api))),
    )
    assert cluster.live(keys) == {}
    assert desired(cluster) == ()


def resources(api: Api) -> set[tuple[str, str]]:
    return set(api.discovery(max_age_s=0).resources)
