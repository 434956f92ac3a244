"""amcloud installed in a cluster as `deploy/` says: CRDs, RBAC, operator, reports, norm pack, organisations.

Administrator's rights serve here only; afterwards the operator works under its own service account.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from amcloud_sandbox.demo import cluster
from amcloud_sandbox.demo.narrator import Narrator
from amcloud_sandbox.demo.platform import Platform

NAMESPACE = "amcloud-system"
OPERATOR, REPORTS = "amcloud-operator", "amcloud-reports"
ROLLOUT_TIMEOUT_S = 180


def install(platform: Platform, narrator: Narrator, *, image: str) -> str:
    """The operator runs from ``image``; the address of its webhook, as the forge reaches it."""
    from amcloud import assets

    kubectl = platform.kubectl
    _custom_resources(platform, assets.folder("crds"))
    overlay = _overlay(platform, assets.folder("deploy"), image)
    kubectl("apply", "-k", str(overlay))
    narrator.say(f"opérateur installé dans {NAMESPACE} : {image}")
    kubectl.apply(*cluster.organisations(), norm_pack())
    for name in (OPERATOR, REPORTS):
        narrator.wait(f"{name} démarre", lambda name=name: _available(platform, name), timeout_s=ROLLOUT_TIMEOUT_S)
    return f"http://{_service_address(platform)}/webhooks/gitlab"


def norm_pack() -> dict[str, Any]:
    """The newest pack of the engine, in force since yesterday, enforced at every stage."""
    from psram import packs

    pack = packs.load("psram-2026.1")
    effective = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
    enforcement = dict.fromkeys(("development", "acceptance", "production"), "Enforce")
    spec = {"version": "psram-2026.1", "digest": pack.digest, "effectiveTime": effective, "enforcement": enforcement}
    return {"apiVersion": cluster.API, "kind": "NormPack", "metadata": {"name": "psram-2026.1"}, "spec": spec}


def settings(platform: Platform) -> dict[str, str]:
    """The operator's settings on this platform."""
    return {
        "AMCLOUD_DOMAIN": platform.domain,
        "AMCLOUD_URL_SCHEME": "http",
        "AMCLOUD_URL_PORT": f":{platform.edge_port}",
        "AMCLOUD_FORGE_URL": platform.forge_url,
        "AMCLOUD_FORGE_TOKEN": platform.forge_operator_token,
        "AMCLOUD_REGISTRY_URL": platform.registry_url,
        "AMCLOUD_REGISTRY_NAME": platform.registry_name,
        "AMCLOUD_DATABASE_URL": platform.database_url,
        "AMCLOUD_OIDC_ISSUER": platform.identity_url,
        "AMCLOUD_WEBHOOK_TOKEN": platform.webhook_token,
        "AMCLOUD_PACKAGE_SOURCES": platform.composer_url,
        "AMCLOUD_POLL_S": "20",
    }
