"""Where AM Cloud is: addresses and credentials of one platform, the sandbox's or another."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from amcloud_sandbox import layout as addresses
from amcloud_sandbox.demo.programs import Kubectl
from amcloud_sandbox.forge import provision
from amcloud_sandbox.layout import Layout


@dataclass(frozen=True, slots=True)
class Platform:
    """All that the demonstration must know of its surroundings."""

    kubectl: Kubectl
    layout: Layout
    registry_name: str
    registry_url: str
    forge_url: str
    composer_url: str
    identity_url: str
    domain: str
    edge_port: int
    forge_root_token: str = field(repr=False)
    forge_operator_token: str = field(repr=False)
    forge_developer_token: str = field(repr=False)
    database_url: str = field(repr=False)
    reports_database_url: str = field(repr=False)
    webhook_token: str = field(repr=False)
    provenance_key: str = field(repr=False)

    @property
    def reports_url(self) -> str:
        """Public address of the reports."""
        return f"http://rapports.{self.domain}:{self.edge_port}"


def credential(layout: Layout, name: str) -> str:
    """A credential that a part of the sandbox left."""
    return (layout.credentials / name).read_text(encoding="utf-8").strip()


def of_sandbox(layout: Layout, *, kubectl: str, context: str | None = None, kubeconfig: Path | None = None) -> Platform:
    """The platform that ``amcloud sandbox up`` started."""
    return Platform(
        kubectl=Kubectl(kubectl, kubeconfig or layout.kubeconfig, context),
        layout=layout,
        registry_name=addresses.REGISTRY_NAME,
        registry_url=addresses.REGISTRY_URL,
        forge_url=addresses.FORGE_URL,
        composer_url=addresses.COMPOSER_URL,
        identity_url=addresses.IDENTITY_URL,
        domain=addresses.DOMAIN,
        edge_port=addresses.EDGE_PORT,
        forge_root_token=credential(layout, "forge-root-token"),
        forge_operator_token=credential(layout, "forge-operator-token"),
        forge_developer_token=credential(layout, "forge-developpeur-token"),
        database_url=credential(layout, "postgres-operator-url"),
        reports_database_url=credential(layout, "postgres-reports-url"),
        webhook_token=_webhook_token(layout),
        provenance_key=provision.provenance_key(layout),
    )


def _webhook_token(layout: Layout) -> str:
    """The secret that the forge sends with each delivery, made once per sandbox."""
    import secrets

    path = layout.credentials / "webhook-token"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
