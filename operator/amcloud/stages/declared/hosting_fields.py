"""What a manifest asks of its hosting: ``spec.hosting``, parsed once like all the rest (``manifest``)."""

from __future__ import annotations

import re

from amcloud.stages.declared.app import ConnectorUse, Engine, Hosting, Schedule, Size
from amcloud.stages.declared.cron import InvalidScheduleError, checked_schedule
from amcloud.stages.declared.fields import DNS_LABEL, NAME_LIKE, SECRET, VERSION, Fields

_STORAGE = re.compile(r"[1-9][0-9]{0,3}Gi")
_PATH = re.compile(r"/[A-Za-z0-9/_.-]*")


def hosting(written: Fields) -> Hosting:
    """Sizes, replicas, database, schedules, connectors and Secrets, with their defaults.

    Raises:
        InvalidManifestError: naming the first wrong field.
    """
    written.only("size", "replicas", "database", "schedules", "connectors", "secrets", "metrics")
    replicas, database = written.child("replicas"), written.child("database")
    replicas.only("min", "max")
    least = replicas.number("min", 2, least=1, most=20)
    database.only("engine", "storage")
    database.choice("engine", Engine, Engine.POSTGRESQL)
    storage = database.optional_text("storage", longest=6, pattern=_STORAGE, like="une taille comme 5Gi")
    return Hosting(
        size=written.choice("size", Size, Size.SMALL),
        min_replicas=least,
        max_replicas=replicas.number("max", max(4, least), least=least, most=20),
        storage_gib=int(storage.removesuffix("Gi")) if storage else 5,
        schedules=written.distinct("schedules", written.items("schedules", _schedule, most=10), key=lambda s: s.name),
        connectors=written.distinct(
            "connectors", written.items("connectors", _connector, most=20), key=lambda c: c.name
        ),
        secrets=written.texts("secrets", most=20, longest=253, pattern=SECRET, like="un nom de Secret"),
        metrics_path=_metrics_path(written.child("metrics")),
    )


def _metrics_path(metrics: Fields) -> str | None:
    metrics.only("path")
    return metrics.optional_text("path", longest=100, pattern=_PATH, like="un chemin comme /mesures")


def _schedule(path: str, value: object) -> Schedule:
    schedule = Fields.of(path, value)
    schedule.only("name", "schedule", "command")
    name = schedule.text("name", longest=20, pattern=DNS_LABEL, like=NAME_LIKE)
    try:
        when = checked_schedule(schedule.text("schedule", longest=100))
    except InvalidScheduleError as error:
        raise schedule.refuse("schedule", str(error)) from None

    def argument(path: str, value: object) -> str:
        parent, _, last = path.rpartition(".")
        return Fields(parent, {last: value}).text(last, longest=250)

    command = schedule.items("command", argument, most=20)
    if not command:
        raise schedule.refuse("command", "ce champ est obligatoire, comme [bin/console, app:relances]")
    return Schedule(name, when, command)


def _connector(path: str, value: object) -> ConnectorUse:
    connector = Fields.of(path, value)
    connector.only("name", "version")
    name = connector.text("name", longest=63, pattern=DNS_LABEL, like=NAME_LIKE)
    return ConnectorUse(name, connector.text("version", longest=20, pattern=VERSION, like="une version comme v2"))
