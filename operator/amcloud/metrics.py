"""What the operator counts about itself, in base units and with bounded labels. Documented in docs/mesures.md."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

PASSES = Counter("amcloud_passes", "Passages sur une application, par issue.", ["result"], registry=REGISTRY)
PASS_SECONDS = Histogram(
    "amcloud_pass_seconds",
    "Durée d'un passage.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600),
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
