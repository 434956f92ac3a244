"""amcloud installed in a cluster as `deploy/` says: CRDs, RBAC, operator, reports, norm pack, organisations.

Administrator's rights serve here only; afterwards the operator works under its own service account.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from amcloud import assets
from amcloud_sandbox.demo import cluster, projects
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform
from amcloud_sandbox.forge import provision
from amcloud_sandbox.locks import one_at_a_time
from psram import packs

NAMESPACE = "amcloud-system"
OPERATOR, REPORTS, WEBHOOKS = "amcloud-operator", "amcloud-reports", "amcloud-webhooks"
ROLLOUT_TIMEOUT_S = 180
PACK = "psram-2026.1"


def prepare(
    platform: Platform, narrator: Narrator, *, image: str, extra: Mapping[str, str] = MappingProxyType({})
) -> str:
    """:func:`install` after the pipelines are published; one command at a time, the others wait."""
    lock = platform.layout.cache / "installation.lock"
    with one_at_a_time(lock, doing="installation de l'opérateur", say=narrator.say):
        provision.publish_pipelines(platform.layout, url=platform.forge_url, token=platform.forge_root_token)
        return install(platform, narrator, image=image, extra=extra)


def install(
    platform: Platform, narrator: Narrator, *, image: str, extra: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The operator runs from ``image``, a reference by digest; gives the address of its webhook for the forge.

    ``extra`` are settings (``AMCLOUD_*``) over the demonstration's own.
    """
    kubectl = platform.kubectl
    # An old kubectl does not know CEL rules and would refuse them: the server validates.
    kubectl("apply", "--validate=false", "-f", str(assets.folder("crds")))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    narrator.say(
        "définitions de ressources installées (LocalApp, ConformanceReport, NormPack, Organisation, Connector)"
    )
    overlay = _overlay(platform, image, extra)
    kubectl("apply", "-k", str(overlay))
    shutil.rmtree(overlay)
    narrator.say(f"opérateur installé dans {NAMESPACE}")
    kubectl.apply(*cluster.organisations(), norm_pack())
    for name in (OPERATOR, REPORTS):
        _wait_available(platform, narrator, name)
    address = kubectl.json("get", "service", OPERATOR, "-n", NAMESPACE)["spec"]["clusterIP"]
    hook_url = f"http://{address}:8080/webhooks/gitlab"
    # this forge knows no name of the cluster's; « doctor » and « forge connect » read the address there
    told = json.dumps({"data": {"AMCLOUD_WEBHOOK_URL": hook_url}})
    kubectl("patch", "configmap", "amcloud-settings", "-n", NAMESPACE, "--type=merge", "-p", told)
    projects.ensure_norms(platform, hook_url=hook_url)
    return hook_url


def _wait_available(platform: Platform, narrator: Narrator, name: str) -> None:
    def available() -> bool:
        found = platform.kubectl.json("get", "deployment", name, "-n", NAMESPACE)
        status = found.get("status", {})
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        replicas = found["spec"]["replicas"]
        return bool(current and status.get("updatedReplicas") == status.get("availableReplicas") == replicas)

    narrator.wait(f"{name} démarre", available, timeout_s=ROLLOUT_TIMEOUT_S)
    narrator.say(f"{name} est prêt")


def _overlay(platform: Platform, image: str, extra: Mapping[str, str]) -> Path:
    """A folder for ``kubectl apply -k``: the base of `deploy/` with this platform's addresses. It holds secrets."""
    folder = platform.layout.state / "demo" / "installation"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    base = Path(os.path.relpath(assets.folder("deploy"), folder))
    name, _, digest = image.partition("@")
    hosts = {REPORTS: f"rapports.{platform.domain}", WEBHOOKS: f"webhooks.{platform.domain}"}
    for ingress, host in hosts.items():
        patch = [{"op": "replace", "path": "/spec/rules/0/host", "value": host}]
        (folder / f"{ingress}.yaml").write_text(yaml.safe_dump(patch), encoding="utf-8")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "bases": [str(base / "base"), str(base / _budget(platform))],
        "images": [{"name": "amcloud/operator", "newName": name, "digest": digest}],
        "generatorOptions": {"disableNameSuffixHash": True},
        "configMapGenerator": [_literals("amcloud-settings", {**settings(platform), **extra})],
        "secretGenerator": [
            _literals("amcloud-settings", secrets(platform)),
            _literals("amcloud-reports", {"AMCLOUD_REPORTS_DATABASE_URL": platform.reports_database_url}),
        ],
        "patchesJson6902": [{"target": _target(ingress), "path": f"{ingress}.yaml"} for ingress in hosts],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return folder


def _budget(platform: Platform) -> str:
    """Folder of the disruption budgets in the version that the server offers."""
    offered = platform.kubectl("api-versions").split()
    return "disruption" if "policy/v1" in offered else "disruption-1.20"


def _literals(name: str, values: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "literals": [f"{key}={value}" for key, value in values.items()]}


def _target(ingress: str) -> dict[str, str]:
    group = {"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"}
    return {**group, "name": ingress, "namespace": NAMESPACE}


def norm_pack() -> dict[str, Any]:
    """The engine's pack, in force since yesterday, enforced at every stage."""
    effective = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
    enforcement = dict.fromkeys(("development", "acceptance", "production"), "Enforce")
    digest = packs.load(PACK).digest
    spec = {"version": PACK, "digest": digest, "effectiveTime": effective, "enforcement": enforcement}
    return {"apiVersion": cluster.API, "kind": "NormPack", "metadata": {"name": PACK}, "spec": spec}


def settings(platform: Platform) -> dict[str, str]:
    """The operator's settings on this platform that are no secret."""
    return {
        "AMCLOUD_DOMAIN": platform.domain,
        "AMCLOUD_URL_SCHEME": "http",
        "AMCLOUD_URL_PORT": f":{platform.edge_port}",
        "AMCLOUD_FORGE_URL": platform.forge_url,
        "AMCLOUD_REGISTRY_URL": platform.registry_url,
        "AMCLOUD_REGISTRY_NAME": platform.registry_name,
        "AMCLOUD_REPORTS_URL": platform.reports_url,
        "AMCLOUD_OIDC_ISSUER": platform.identity_url,
        "AMCLOUD_PACKAGE_SOURCES": platform.composer_url,
        "AMCLOUD_ADVISORIES": f"{platform.composer_url}/advisories.json",
        "AMCLOUD_APPROVED_RUNNERS": ",".join(projects.shared_runners(platform)),
        "AMCLOUD_NORMS_PROJECT": projects.NORMS,
        "AMCLOUD_POLL_S": "20",
        "AMCLOUD_FORGE_REQUESTS_PER_MINUTE": "3000",  # its forge is on the same machine, and people are watching
    }


def secrets(platform: Platform) -> dict[str, str]:
    """The operator's settings that are secret."""
    return {
        "AMCLOUD_FORGE_TOKEN": platform.forge_operator_token,
        "AMCLOUD_DATABASE_URL": platform.database_url,
        "AMCLOUD_WEBHOOK_TOKEN": platform.webhook_token,
        "AMCLOUD_PROVENANCE_KEY": platform.provenance_key,
    }
