"""Step 5: app + revision + organisations → the objects that should exist. Templates are code: sandboxed, strict."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import yaml

from amcloud.errors import BrokenInstallationError
from amcloud.paris import TIME_ZONE
from amcloud.settings import FIELD_MANAGER, GROUP, Settings
from amcloud.stages.declared import connectors
from amcloud.stages.declared.connectors import Link
from amcloud.stages.manifest import App, Organisation, Stage, StageName, Track
from amcloud.stages.objects import egress, kinds, templating
from amcloud.stages.objects.kinds import Offers
from amcloud.stages.objects.operations import Object

SIZES: Final = "sizes.yaml"
CREDENTIALS: Final = "amcloud-credentials"
"""Name of the Secret that keeps an instance's :class:`Access`."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
OWNER: Final = f"{GROUP}/owner"
HELD: Final = f"{GROUP}/credentials"
"""Annotation of a pod: :func:`fingerprint` of the credentials that it was made with."""

_LONG_DATABASE_NAME = 54  # leaves room for "_owner" within PostgreSQL's 63 bytes
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Revision:
    """What serves or will serve: a commit and its image by digest."""

    commit: str
    image: str


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials of one instance, made once and kept in a Secret of its namespace. Never printed."""

    app_url: str
    """DSN of the limited role: no BYPASSRLS, owns nothing."""
    owner_url: str
    """DSN of the owner role, for migrations only."""
    app_secret: str
    oidc_client_secret: str
    rotation: str = ""
    """Token of the last request for new credentials that these answer; empty when there was none."""

    def __repr__(self) -> str:
        return "Access(***)"


@dataclass(frozen=True, slots=True)
class Place:
    """Names that follow from an app and a stage; the only place that makes them."""

    namespace: str
    """Namespace of the instance: ``<app>-<stage>``."""
    domain: str
    """``<app>.<stage domain>``; an organisation's host is ``<label>.<domain>``."""
    database: str
    """Database name; its roles are ``<database>_owner`` and ``<database>_app``, within PostgreSQL's 63 bytes."""
    owner: str = ""
    """``namespace/name`` of the LocalApp: data that were kept are given back to that one alone."""


def place(app: App, stage: Stage, *, domain: str) -> Place:
    """Where an instance lives."""
    namespace = f"{app.name}-{stage.name}"
    stage_domain = domain if stage.name is StageName.PRODUCTION else f"{stage.name}.{domain}"
    return Place(namespace, f"{app.name}.{stage_domain}", database_name(namespace), owner(app))


def database_name(namespace: str) -> str:
    """Name of the database of the instance that lives in ``namespace``; distinct for distinct namespaces."""
    plain = namespace.replace("-", "_")  # no namespace contains "_": no two become the same
    if len(plain) < _LONG_DATABASE_NAME:
        return plain
    digest = hashlib.sha256(namespace.encode()).hexdigest()[:10]
    return f"{plain[: _LONG_DATABASE_NAME - len(digest) - 1]}_{digest}"


def sizes(templates: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """What each size means: ``requests``, ``limits``, ``quota``, ``yearlyEuros``.

    Raises:
        BrokenInstallationError: ``sizes.yaml`` is missing or is not a mapping of mappings.
    """
    try:
        found = yaml.load(templates[SIZES], Loader=yaml.CSafeLoader)
    except (KeyError, yaml.YAMLError) as error:
        raise _broken(f"{SIZES} est absent ou illisible") from error
    parts = {"requests", "limits", "quota"}
    if not isinstance(found, dict) or not all(isinstance(size, dict) and parts <= set(size) for size in found.values()):
        raise _broken(f"{SIZES} doit donner requests, limits et quota pour chaque taille")
    return found


def yearly_euros(app: App, templates: Mapping[str, str]) -> int | None:
    """What hosting ``app`` costs a year: each stage's size has a price; ``None`` when one has none.

    Nothing is hosted of an application that is hors-standard or has no stage: it costs nothing.
    """
    if app.track is Track.HORS_STANDARD or not app.stages:
        return 0
    try:
        known = sizes(templates)
    except BrokenInstallationError:
        return None  # the stages' own conditions say it
    prices = [known.get(app.size(stage), {}).get("yearlyEuros") for stage in app.stages]
    found = [price for price in prices if isinstance(price, int) and price >= 0]
    return sum(found) if len(found) == len(prices) else None


def objects(  # noqa: PLR0917 - one argument a thing that it depends on, in the story's order
    app: App,
    stage: Stage,
    place: Place,
    revision: Revision,
    served: tuple[Organisation, ...],
    access: Access,
    offers: Offers,
    settings: Settings,
    templates: Mapping[str, str],
    links: tuple[Link, ...] = (),
) -> tuple[Object, ...]:
    """Every object of one instance, labelled, in API versions that the server offers, with quoted values.

    Raises:
        BrokenInstallationError: a template does not render, is not YAML, or a kind is not offered at all.
    """
    values = {
        **_instance(app, stage, place, revision, templates),
        **_surroundings(place, served, access, settings, links),
        "has_time_zone": kinds.TIME_ZONE_FIELD in offers.fields,
    }
    replicas = values["replicas"]
    values["autoscaled"] = replicas["max"] > replicas["min"] and kinds.offered("HorizontalPodAutoscaler", offers)
    functions: dict[str, Callable[[str], Any]] = {
        "version": partial(kinds.needed_version, offers=offers),
        "offered": partial(kinds.offered, offers=offers),
    }
    labels, annotations = marks(app, stage, place, revision)
    found = (
        parsed
        for name, text in templating.render(templates, values, functions=functions)
        for parsed in templating.documents(name, text)
    )
    return tuple(_named_by_content(_dressed(_checked(one, place), labels, annotations)) for one in found)


def fingerprint(access: Access) -> str:
    """Tells the credentials that pods hold from those they should; gives nothing away of their 256 random bits."""
    held = "\0".join((access.app_url, access.app_secret, access.oidc_client_secret))
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def owner(app: App) -> str:
    """How the objects of an instance name the LocalApp that they belong to."""
    return f"{app.namespace}/{app.name}"


def marks(app: App, stage: Stage, place: Place, revision: Revision) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of every object of an instance."""
    labels = {
        "app.kubernetes.io/name": app.name,
        "app.kubernetes.io/instance": place.namespace,
        "app.kubernetes.io/version": revision.commit,
        "app.kubernetes.io/part-of": "amcloud",
        MANAGED_BY: FIELD_MANAGER,
        f"{GROUP}/app": app.name,
        f"{GROUP}/stage": stage.name.value,
        f"{GROUP}/organisation": app.owner,
    }
    return labels, {OWNER: owner(app)}


def _instance(app: App, stage: Stage, place: Place, revision: Revision, templates: Mapping[str, str]) -> dict[str, Any]:
    """What templates may use of the instance itself: plain data only."""
    size = sizes(templates).get(app.size(stage))
    if size is None:
        raise _broken(f"{SIZES} ne dit rien de la taille « {app.size(stage)} »")
    alone = stage.name is StageName.DEVELOPMENT
    low, high = (1, 1) if alone else (app.hosting.min_replicas, app.hosting.max_replicas)
    return {
        "name": app.name,
        "namespace": place.namespace,
        "commit": revision.commit,
        "image": revision.image,
        "size": size,
        "replicas": {"min": low, "max": high},
        "selector": {"app.kubernetes.io/name": app.name, "app.kubernetes.io/component": "web"},
        "app_secrets": list(app.hosting.secrets),
        "schedules": [
            {"name": s.name, "schedule": s.schedule, "command": list(s.command)} for s in app.hosting.schedules
        ],
        "time_zone": TIME_ZONE,
        "metrics_path": app.hosting.metrics_path or "",
        "production": stage.name is StageName.PRODUCTION,
    }


def _surroundings(
    place: Place, served: tuple[Organisation, ...], access: Access, settings: Settings, links: tuple[Link, ...]
) -> dict[str, Any]:
    """What templates may use of what surrounds the instance: organisations, addresses, credentials."""
    return {
        "secret_name": CREDENTIALS,
        "secret_data": _secret_data(access, links),
        "connectors": [_connector(link) for link in links],
        "credentials": fingerprint(access),
        "organisations_json": _organisations(place, served),
        "hosts": [f"{o.label}.{place.domain}" for o in served],
        "https": settings.url_scheme == "https",
        "oidc_issuer": settings.oidc_issuer,
        "egress": egress.allowed((access.app_url, settings.oidc_issuer), settings.service_networks, links),
        "dns_networks": list(settings.dns_networks),
        "runbooks": settings.runbooks_url,
        "rollout_deadline_s": int(settings.rollout_deadline_s),
    }


def _organisations(place: Place, served: tuple[Organisation, ...]) -> str:
    listed = [{"code": o.code, "name": o.name, "label": o.label, "enabled": True} for o in served]
    content = {"version": 1, "domain": place.domain, "organisations": listed}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _connector(link: Link) -> dict[str, str]:
    """What templates may use of a connector: nothing secret."""
    prefix = f"CONNECTOR_{link.name.upper().replace('-', '_')}"
    return {
        "name": link.name,
        "version": link.version,
        "url": link.url,
        "prefix": prefix,
        "key": connectors.key(link.name),
    }


def _secret_data(access: Access, links: tuple[Link, ...]) -> dict[str, str]:
    found = {
        "database-url": access.app_url,
        "owner-database-url": access.owner_url,
        "app-secret": access.app_secret,
        "oidc-client-secret": access.oidc_client_secret,
        **({"rotation": access.rotation} if access.rotation else {}),
        **connectors.remembered(links),
    }
    return {key: base64.b64encode(value.encode()).decode() for key, value in found.items()}


def _checked(found: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """``found`` if it is of an allowed kind and lies in the instance's namespace."""
    kind, metadata = str(found.get("kind"))[:60], found.get("metadata")
    if found.get("apiVersion") not in kinds.VERSIONS.get(kind, ()):
        raise _broken(f"le type {kind} n'est pas permis")
    if not isinstance(metadata, dict) or not _NAME.fullmatch(str(metadata.get("name"))):
        raise _broken(f"un objet {kind} n'a pas de nom valide")
    if kind == "Namespace":
        right = metadata["name"] == place.namespace and "namespace" not in metadata
    else:
        right = metadata.get("namespace", place.namespace) == place.namespace
    if not right:
        raise _broken(f"{kind} n'est pas dans l'espace {place.namespace}")
    return found


def _broken(problem: str) -> BrokenInstallationError:
    return BrokenInstallationError(f"gabarits d'hébergement : {problem}")


def _dressed(found: Mapping[str, Any], labels: Mapping[str, str], annotations: Mapping[str, str]) -> Object:
    """``found`` in its namespace, with the marks of its instance besides its own."""
    metadata = dict(found["metadata"])
    metadata["labels"] = {**labels, **metadata.get("labels", {})}
    metadata["annotations"] = {**annotations, **metadata.get("annotations", {})}
    if found["kind"] != "Namespace":
        metadata["namespace"] = metadata["labels"]["app.kubernetes.io/instance"]
    return {**found, "metadata": metadata}


def _named_by_content(found: Object) -> Object:
    """A Job's specification cannot be changed: another one gets another name. Other objects as they are."""
    if found["kind"] != "Job":
        return found
    digest = hashlib.sha256(json.dumps(found["spec"], sort_keys=True).encode()).hexdigest()[:8]
    return {**found, "metadata": {**found["metadata"], "name": f"{found['metadata']['name']}-{digest}"}}
