"""The kinds of Kubernetes objects that templates may make, and in which versions a server offers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from amcloud.errors import BrokenInstallationError

VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Namespace": ("v1",),
    "ResourceQuota": ("v1",),
    "LimitRange": ("v1",),
    "ServiceAccount": ("v1",),
    "Secret": ("v1",),
    "ConfigMap": ("v1",),
    "Service": ("v1",),
    "NetworkPolicy": ("networking.k8s.io/v1",),
    "RoleBinding": ("rbac.authorization.k8s.io/v1",),
    "Ingress": ("networking.k8s.io/v1",),
    "Deployment": ("apps/v1",),
    "Job": ("batch/v1",),
    "CronJob": ("batch/v1", "batch/v1beta1"),
    "PodDisruptionBudget": ("policy/v1", "policy/v1beta1"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "autoscaling/v2beta2"),
    "ServiceMonitor": ("monitoring.coreos.com/v1",),
    "PrometheusRule": ("monitoring.coreos.com/v1",),
}
"""The kinds that templates may make, in the versions whose body they write, best first."""
OPTIONAL: Final[Mapping[str, str]] = {
    "PodDisruptionBudget": "une éviction peut arrêter toutes les répliques à la fois",
    "HorizontalPodAutoscaler": "le nombre minimal de répliques est servi",
    "ServiceMonitor": "les mesures des applications ne sont pas recueillies",
    "PrometheusRule": "aucune alerte n'est posée par instance",
}
"""Kinds that a cluster may lack, and what is then missed."""

TIME_ZONE_FIELD: Final = "CronJob.spec.timeZone"
"""The one field that templates use where the server has it: it came within batch/v1."""


@dataclass(frozen=True, slots=True)
class Offers:
    """API versions that the server offers, by kind: ``{"CronJob": ("batch/v1", "batch/v1beta1")}``, newest first."""

    versions: Mapping[str, tuple[str, ...]]
    minor: int = 0
    """Minor version of the server, for people alone: nothing is chosen by it; 0 when unknown."""
    fields: frozenset[str] = frozenset()
    """Fields that came within an API version and that this server's own schema has: :data:`TIME_ZONE_FIELD`."""


def api_version(kind: str, offers: Offers) -> str | None:
    """The newest version of ``kind`` that both the templates speak and the server offers."""
    offered = offers.versions.get(kind, ())
    return next((version for version in VERSIONS[kind] if version in offered), None)


def needed_version(kind: str, offers: Offers) -> str:
    """Like :func:`api_version`, for kinds without which nothing can be hosted."""
    version = api_version(kind, offers)
    if version is None:
        spoken = ", ".join(VERSIONS[kind])
        raise BrokenInstallationError(f"ce cluster n'offre pas {kind} ({spoken}) : version de Kubernetes inadaptée")
    return version


def offered(kind: str, offers: Offers) -> bool:
    """Whether the server offers ``kind`` in a version that the templates speak."""
    return api_version(kind, offers) is not None
