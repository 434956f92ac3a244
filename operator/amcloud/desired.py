"""What an instance should be made of, for one revision: gathered from the cluster, alike for a pass and a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from amcloud.ports import Cluster
from amcloud.settings import Settings
from amcloud.stages import apply, connectors, manifest, render
from amcloud.stages.apply import Inventory, Key
from amcloud.stages.connectors import Link, Offered
from amcloud.stages.manifest import App, Organisation, Stage
from amcloud.stages.render import Access, Object, Place, Revision


@dataclass(frozen=True, slots=True)
class Desired:
    """The objects with the inventory that remembers them, and what they were made from."""

    objects: tuple[Object, ...]
    inventory: Inventory
    """As it is now."""
    served: tuple[Organisation, ...]
    links: tuple[Link, ...]

    @property
    def keys(self) -> frozenset[Key]:
        """Identities of all that is wanted, and of all that was."""
        return apply.keys(self.objects) | self.inventory.keys


@dataclass(frozen=True, slots=True)
class Sources:
    """Where that is gathered from."""

    cluster: Cluster
    settings: Settings
    templates: Mapping[str, str]


def desired(  # noqa: PLR0917 - one argument a thing that it depends on
    app: App,
    stage: Stage,
    place: Place,
    revision: Revision,
    access: Access,
    offered: Offered,
    of: Sources,
    now: datetime,
) -> Desired:
    """Every object of the instance of ``stage`` that runs ``revision``.

    Raises:
        BrokenInstallationError: a template does not render, or the server lacks a kind.
    """
    cluster, settings = of.cluster, of.settings
    served = manifest.served(app, stage, cluster.organisations(), cluster.subscribed(app))
    links = _links(app, stage, place, offered, of, now)
    objects = render.objects(
        app, stage, place, revision, served, access, cluster.offers(), settings, of.templates, links
    )
    inventory = cluster.inventory(place.namespace)
    return Desired(apply.with_inventory(objects, inventory, app, place, revision), inventory, served, links)


def missing_secrets(app: App, place: Place, links: tuple[Link, ...], of: Sources) -> str:
    """The sentence for Secrets that the manifest names, or its connectors need; empty when all are there."""
    if said := connectors.missing(links, of.settings.namespace):
        return said
    if not app.hosting.secrets:
        return ""
    missing = sorted(set(app.hosting.secrets) - of.cluster.secret_names(place.namespace))
    return f"Secret absent de l'espace de noms {place.namespace} : {', '.join(missing)}. Créez-le." if missing else ""


def _links(  # noqa: PLR0917 - one argument a thing that it depends on
    app: App, stage: Stage, place: Place, offered: Offered, of: Sources, now: datetime
) -> tuple[Link, ...]:
    """The connectors that the instance may call, each with the credential that its service gave to the application."""
    if not app.hosting.connectors:
        return ()
    found = connectors.links(app, stage.name, offered, of.cluster.given(place), now=now)
    token, namespace = of.cluster.connector_token, of.settings.namespace
    return tuple(one.with_token(token(namespace, one.secret)) if one.open else one for one in found)
