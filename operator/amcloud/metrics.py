"""What the operator counts about itself, in base units and with bounded labels. Documented in docs/mesures.md."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

BUILD_INFO = Gauge("amcloud_build_info", "1, avec la version de l'opérateur.", ["version"], registry=REGISTRY)
BUILD_INFO.labels(version("amcloud")).set(1)

PASSES = Counter("amcloud_passes", "Passages sur une application, par issue.", ["result"], registry=REGISTRY)
PASS_SECONDS = Histogram(
    "amcloud_pass_seconds",
    "Durée d'un passage.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600),
    registry=REGISTRY,
)
LONGEST_PASS = Gauge("amcloud_longest_pass_seconds", "Âge du plus vieux passage en cours.", registry=REGISTRY)
STAGES = Gauge(
    "amcloud_stages",
    "Étapes d'applications, par étape et par raison de leur dernier passage.",
    ["stage", "reason"],
    registry=REGISTRY,
)
LEAKING = Gauge(
    "amcloud_leaking_stages",
    "Étapes où la sonde voit un organisme atteindre les données d'un autre, quelle que soit la raison de leur passage.",
    registry=REGISTRY,
)
DELIVERY_SECONDS = Histogram(
    "amcloud_delivery_seconds",
    "Temps entre la découverte d'un commit et sa mise en service.",
    ["stage"],
    buckets=(10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 86400),
    registry=REGISTRY,
)
LAST_POLL = Gauge(
    "amcloud_last_poll_timestamp_seconds",
    "Quand la forge a répondu à une interrogation pour la dernière fois.",
    registry=REGISTRY,
)
ADVISORIES_DATED = Gauge(
    "amcloud_advisories_timestamp_seconds",
    "Date de la base d'avis de sécurité que les règles lisent.",
    registry=REGISTRY,
)
KUBERNETES_REQUESTS = Counter(
    "amcloud_kubernetes_requests",
    "Requêtes de l'opérateur à l'API Kubernetes (hors surveillance des objets), par réponse.",
    ["answer"],
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge("amcloud_queue_depth", "Applications dont le passage est dû.", registry=REGISTRY)
APPLICATIONS = Gauge("amcloud_applications", "Applications connues.", registry=REGISTRY)
WEBHOOKS = Counter("amcloud_webhooks", "Notifications de la forge, par réponse.", ["answer"], registry=REGISTRY)
POLLS = Counter("amcloud_polls", "Interrogations de la forge, par issue.", ["result"], registry=REGISTRY)
FORGE_REQUESTS = Counter("amcloud_forge_requests", "Requêtes à la forge, API et git.", registry=REGISTRY)
FORGE_PAUSED = Gauge(
    "amcloud_forge_paused", "1 pendant qu'on laisse la forge tranquille (panne, ou à sa demande).", registry=REGISTRY
)


def tell_stages(counted: Mapping[tuple[str, str], int]) -> None:
    """``STAGES`` says these numbers by (stage, reason), and nothing of what is no more."""
    STAGES.clear()
    for (stage, reason), number in counted.items():
        STAGES.labels(stage, reason).set(number)
