"""What a cluster says of the operator's installation: settings, rights, definitions, clock. For ``amcloud doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from amcloud.clients import records
from amcloud.clients.kubernetes_api import Api
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.objects.kinds import VERSIONS, Offers
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY

SETTINGS: Final = "amcloud-settings"
"""Name of the ConfigMap and of the Secret that hold the operator's settings."""
ACCOUNT: Final = "amcloud-operator"
TOLD_TO_S: Final = 1.5
"""The Date header has whole seconds, and the answer took a moment."""
_REVIEWS: Final = "/apis/authorization.k8s.io/v1"
_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one kind of object; ``namespace`` is empty for the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}" + (f" (espace {self.namespace})" if self.namespace else "")


def settings(api: Api, namespace: str) -> Mapping[str, str]:
    """The ``AMCLOUD_*`` variables that the operator's pod gets; empty when neither object is there."""
    found: dict[str, str] = {}
    config = api.get(api.resource("", "ConfigMap").path(namespace, SETTINGS), doing="lecture des réglages")
    secret = api.get(api.resource("", "Secret").path(namespace, SETTINGS), doing="lecture des secrets de réglage")
    found |= {name: str(value) for name, value in ((config or {}).get("data") or {}).items()}
    for name in (secret or {}).get("data") or {}:
        found[name] = records.secret_value(secret or {}, name) or ""
    return {name: value for name, value in found.items() if name.startswith("AMCLOUD_")}


def granted(rules: list[Mapping[str, Any]], *, namespace: str = "") -> frozenset[Right]:
    """Every right that the rules of a role name."""
    return frozenset(
        Right(verb, group, resource, namespace)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def allowed(api: Api, right: Right, *, account: str = "") -> bool:
    """Whether the server lets ``account`` (``namespace:name`` of a service account; ours when empty) do that.

    Raises:
        BrokenInstallationError: we may not ask that of another account.
    """
    resource, _, subresource = right.resource.partition("/")
    asked: dict[str, Any] = {
        "resourceAttributes": {
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": right.namespace,
        }
    }
    kind = "SelfSubjectAccessReview"
    if account:
        asked |= {"user": f"system:serviceaccount:{account}", "groups": groups(account)}
        kind = "SubjectAccessReview"
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": asked}
    said = api.create(f"{_REVIEWS}/{kind.lower()}s", body, doing="examen des droits de l'opérateur")
    return bool(((said or {}).get("status") or {}).get("allowed"))


def groups(account: str) -> list[str]:
    """The groups that a service account (``namespace:name``) is in by itself."""
    return ["system:serviceaccounts", f"system:serviceaccounts:{account.partition(':')[0]}", "system:authenticated"]


def definition(api: Api, name: str) -> Object | None:
    """The installed definition (CRD) of that name, or ``None``."""
    return api.get(f"{_DEFINITIONS}/{name}", doing=f"lecture de la définition {name}")


def clock_drift_s(api: Api) -> float | None:
    """Seconds by which the server's clock is ahead of ours, to the second; ``None`` when it tells no time."""
    before = datetime.now(UTC)
    said = api.date()
    if said is None:
        return None
    middle = before + (datetime.now(UTC) - before) / 2
    drift = (said - middle).total_seconds()
    return 0.0 if abs(drift) < TOLD_TO_S else drift


def labelled(api: Api, label: str) -> Mapping[str, str]:
    """Value of ``label`` on each namespace that people made; instances' own namespaces are left out."""
    listed = api.items(api.resource("", "Namespace").path(), doing="liste des espaces de noms", labels=label)
    every = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in listed}
    return {name: labels[label] for name, labels in every.items() if labels.get(MANAGED_BY) != FIELD_MANAGER}


def organisation_codes(api: Api) -> list[str]:
    """The code of every declared organisation, those that the operator does not take included."""
    listed = api.items(api.resource(GROUP, "Organisation").path(), doing="lecture des organismes")
    return [str((one.get("spec") or {}).get("code")) for one in listed]


def namespaces(api: Api, labels: str) -> list[str]:
    """Names of the namespaces with these labels."""
    listed = api.items(api.resource("", "Namespace").path(), doing="liste des espaces de noms", labels=labels)
    return sorted(one["metadata"]["name"] for one in listed)


def deployment(api: Api, namespace: str, name: str) -> Object | None:
    """A Deployment, or ``None``."""
    return api.get(api.resource("apps", "Deployment").path(namespace, name), doing=f"lecture du Deployment {name}")


def cron_job(api: Api, namespace: str, name: str) -> Object | None:
    """A CronJob, or ``None``."""
    path = api.resource("batch", "CronJob", VERSIONS["CronJob"]).path(namespace, name)
    return api.get(path, doing=f"lecture du CronJob {name}")


def monitored(api: Api, namespace: str, offers: Offers) -> list[str]:
    """Which of Prometheus' objects of ours are in the operator's namespace."""
    found = []
    for kind in ("ServiceMonitor", "PrometheusRule"):
        if not offers.versions.get(kind):
            continue
        path = api.resource("monitoring.coreos.com", kind).path(namespace, "amcloud-operator")
        if api.get(path, doing=f"lecture de {kind}") is not None:
            found.append(kind)
    return found
