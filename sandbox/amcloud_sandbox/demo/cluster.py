"""The operator's side: manifests applied with kubectl, and what kubectl shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amcloud_sandbox.demo.platform import Platform

API = "amcloud.cnamts.fr/v1"

ORGANISATIONS = (
    ("671", "CPAM du Bas-Rhin (exemple)", "cpam-bas-rhin", "Grand Est"),
    ("681", "CPAM du Haut-Rhin (exemple)", "cpam-haut-rhin", "Grand Est"),
    ("311", "CPAM de la Haute-Garonne (exemple)", "cpam-haute-garonne", "Occitanie"),
)


def organisations() -> tuple[dict[str, Any], ...]:
    """The sample organisations, each with the namespace where its applications are declared."""
    manifests: list[dict[str, Any]] = []
    for code, name, label, region in ORGANISATIONS:
        referent = {"name": region, "referent": f"referent-sk@{label}.example"}
        spec = {"code": code, "name": name, "kind": "CPAM", "label": label, "region": referent}
        manifests.append({"apiVersion": API, "kind": "Organisation", "metadata": {"name": label}, "spec": spec})
        metadata = {"name": label, "labels": {"amcloud.cnamts.fr/organisation": code}}
        manifests.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        manifests += [rights(label, code, role) for role in ("developpeur", "responsable")]
        manifests.append(deposit(label))
    return tuple(manifests)


def rights(namespace: str, code: str, role: str) -> dict[str, Any]:
    """What people of one organisation may do in its namespace, and nowhere else."""
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"amcloud-{role}s", "namespace": namespace},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": f"amcloud-{role}"},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": f"amcloud:{role}s:{code}"}],
    }


def deposit(namespace: str) -> dict[str, Any]:
    """What exploitants may do in an organisation's namespace: put a Secret there, which nobody reads back."""
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "amcloud-exploitants", "namespace": namespace},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "amcloud-exploitant-espace"},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": "amcloud:exploitants"}],
    }


def forge_secret(namespace: str, name: str, token: str) -> dict[str, Any]:
    """The organisation's credential for its project, where the LocalApp names it."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": token}}


def local_app(platform: Platform, namespace: str, name: str) -> Mapping[str, Any] | None:
    """The LocalApp as it is now."""
    found: Mapping[str, Any] | None = platform.kubectl.find("get", "localapp", name, "-n", namespace)
    return found


def condition(found: Mapping[str, Any] | None, kind: str) -> Mapping[str, Any]:
    """A condition of the LocalApp, empty when it is absent."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), {})


def stage_status(found: Mapping[str, Any] | None, stage: str) -> Mapping[str, Any]:
    """The status of one stage, empty when it is absent."""
    stages = ((found or {}).get("status") or {}).get("stages") or []
    return next((entry for entry in stages if entry["name"] == stage), {})
