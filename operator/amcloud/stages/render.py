"""Stage 5: app + revision + organisations → the objects that should exist. Templates are code: sandboxed, strict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amcloud.settings import Settings
from amcloud.stages.manifest import App, Organisation, Stage

Object = Mapping[str, Any]
"""A Kubernetes object as plain data: ``apiVersion``, ``kind``, ``metadata``…"""


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

    def __repr__(self) -> str:
        return "Access(***)"


@dataclass(frozen=True, slots=True)
class Offers:
    """API versions that the server offers, by kind: ``{"CronJob": ("batch/v1", "batch/v1beta1")}``, newest first."""

    versions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Names that follow from an app and a stage; the only place that makes them."""

    namespace: str
    """Namespace of the instance: ``<app>-<stage>``."""
    domain: str
    """``<app>.<stage domain>``; an organisation's host is ``<label>.<domain>``."""
    database: str
    """Database name; its roles are ``<database>_owner`` and ``<database>_app``. At most 63 bytes, PostgreSQL's limit."""


def place(app: App, stage: Stage, *, domain: str) -> Place:
    """Where an instance lives."""
    raise NotImplementedError


def database_name(namespace: str) -> str:
    """Name of the database of the instance that lives in ``namespace``; distinct for distinct namespaces."""
    raise NotImplementedError


def objects(
    app: App,
    stage: Stage,
    place: Place,
    revision: Revision,
    served: tuple[Organisation, ...],
    access: Access,
    offers: Offers,
    settings: Settings,
    templates: Mapping[str, str],
) -> tuple[Object, ...]:
    """Every object of one instance, labelled, in API versions that the server offers, with quoted values.

    Raises:
        BrokenInstallationError: a template does not render, is not YAML, or a kind is not offered at all.
    """
    raise NotImplementedError
