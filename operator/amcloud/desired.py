"""What an instance should be made of, for one revision: gathered from the cluster, alike for a pass and a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from amcloud.cluster_ports import Reader
from amcloud.settings import Settings
from amcloud.stages import apply, manifest, render
from amcloud.stages.apply import Inventory
from amcloud.stages.declared import connectors
from amcloud.stages.declared.connectors import Link, Offered
from amcloud.stages.manifest import App, Organisation, Stage
from amcloud.stages.objects.operations import Key, Object
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.render import Access, Place, Revision
from amcloud.stages.steering import budget, cost


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

    cluster: Reader
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


def within_budget(
    app: App, stage: Stage, so_far: StageOutcome, of: Sources, wanted: Object | None = None
) -> tuple[App, Stage, StageOutcome]:
    """App, stage and outcome as the budget of the owning organisation leaves them; most organisations have none.

    ``wanted`` is a LocalApp that is counted in place of the declared one of its name: what if it were applied.
    """
    organisations = of.cluster.organisations()
    owner = organisations.get(app.owner)
    if owner is not None and (allowance := owner.allowance) is not None:
        parse = partial(manifest.parse, organisations=organisations, namespace_organisation=lambda _: app.owner)
        declared = of.cluster.declared_by(app.owner)
        if wanted is not None:
            declared = (*(one for one in declared if _name(one) != _name(wanted)), wanted)
        fleet = cost.instances(declared, parse, render.sizes(of.templates))
        app, so_far = budget.applied(app, stage, so_far, fleet, allowance)
    mine = next(one for one in app.stages if one.name is stage.name)
    return app, mine, replace(so_far, size=app.size(mine))


def _name(found: Object) -> tuple[str, str]:
    return str(found["metadata"].get("namespace")), str(found["metadata"].get("name"))


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
