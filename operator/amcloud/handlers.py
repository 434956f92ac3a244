"""What Kopf calls: unpack an event, ask for passes. No decision, and nothing that Kopf would write on an object.

Kopf is the watch machinery alone (``on.event``): no finalizer, annotation or status of its own. Its settings are
explained in docs/decisions/0005-kopf.md.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import kopf

from amcloud.clients import connection
from amcloud.clients.commands import Commands
from amcloud.dispatch import Dispatcher
from amcloud.settings import GROUP, REQUESTED_AT, VERSION
from amcloud.web.server import application, serving
from amcloud.workqueue import Key

OWNER = f"{GROUP}/owner"
MANAGED_BY = "app.kubernetes.io/managed-by"
WATCH_SERVER_S = 300
WATCH_CLIENT_S = 330
STOP_S = 20.0

Body = Mapping[str, Any]


class Seen:
    """What of each object was last seen, so that our own writes do not ask for a pass."""

    def __init__(self) -> None:
        self._marks: dict[object, object] = {}

    def changed(self, key: object, mark: object, *, gone: bool) -> bool:
        """Whether ``key`` differs from what was last seen of it."""
        if gone:
            return self._marks.pop(key, None) is not None
        before, self._marks[key] = self._marks.get(key), mark
        return before != mark


def registry(dispatcher: Dispatcher, commands: Commands | None = None) -> kopf.OperatorRegistry:
    """The watches of the operator; without ``commands``, nobody carries out what developers ask of instances."""
    handlers, seen = kopf.OperatorRegistry(), Seen()
    everything: dict[str, Any] = {"registry": handlers}

    @kopf.on.login(**everything)
    async def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**arguments)
        if found is None:
            return kopf.login_with_kubeconfig(**arguments)
        # Kopf names the API server by a cluster DNS name; the address in the pod's environment needs no DNS.
        return dataclasses.replace(found, server=connection.in_cluster(os.environ).server)

    @kopf.on.event(GROUP, VERSION, "localapps", **everything)
    async def local_app(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002 - Kopf's name
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        if type == "DELETED":
            seen.changed(key, None, gone=True)
            dispatcher.forget(key)
            return
        dispatcher.know(key, project(body), called(body))
        if seen.changed(key, asked(body), gone=False):
            dispatcher.ask(key)

    @kopf.on.event(GROUP, VERSION, "commands", **everything)
    async def command(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        answered = (body.get("status") or {}).get("startTime")
        if commands is not None and type != "DELETED" and not answered:
            commands.ask(body["metadata"]["namespace"], body["metadata"]["name"])

    @kopf.on.event(GROUP, VERSION, "suspensions", **everything)
    async def suspension(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        if seen.changed(("suspension", key), body["metadata"].get("generation"), gone=type == "DELETED"):
            dispatcher.ask(key)

    @kopf.on.event(GROUP, VERSION, "acceptancereports", **everything)
    async def acceptance(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        key = Key(body["metadata"]["namespace"], str((body.get("spec") or {}).get("app", "")))
        mark = ("acceptance", key, body["metadata"]["name"])
        if seen.changed(mark, body["metadata"].get("uid"), gone=type == "DELETED"):
            dispatcher.ask(key)

    @kopf.on.event(GROUP, VERSION, "organisations", **everything)
    @kopf.on.event(GROUP, VERSION, "normpacks", **everything)
    async def fleet_wide(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        key = ("fleet", body["kind"], body["metadata"]["name"])
        if seen.changed(key, body["metadata"].get("generation"), gone=type == "DELETED"):
            dispatcher.ask_all()

    @kopf.on.event(GROUP, VERSION, "connectors", **everything)
    async def connector(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        key = ("connector", body["metadata"]["name"])
        if seen.changed(key, body["metadata"].get("generation"), gone=type == "DELETED"):
            dispatcher.ask_callers(body["metadata"]["name"])

    @kopf.on.event("apps", "v1", "deployments", labels={MANAGED_BY: "amcloud"}, **everything)
    @kopf.on.event("batch", "v1", "jobs", labels={MANAGED_BY: "amcloud"}, **everything)
    async def child(type: str | None, body: Body, **_: Any) -> None:  # noqa: A002
        metadata, owner = body["metadata"], owner_of(body)
        key = ("child", body.get("kind"), metadata["namespace"], metadata["name"])
        if seen.changed(key, progress(body), gone=type == "DELETED") and owner is not None:
            dispatcher.ask(owner)

    return handlers


def settings() -> kopf.OperatorSettings:
    """How Kopf watches: bounded tasks, streams that end, nothing posted or stored on objects."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.queueing.worker_limit = 50
    chosen.queueing.idle_timeout = 0.1  # measured: 98 MB instead of 444 MB on 2,000 objects, and as fast
    chosen.watching.server_timeout = WATCH_SERVER_S
    chosen.watching.client_timeout = WATCH_CLIENT_S
    chosen.watching.connect_timeout = 10
    chosen.watching.chunk_size = 500
    chosen.networking.request_timeout = 30
    # Kopf takes its finalizer off wherever no handler needs it: with our own name here it would take ours off
    chosen.persistence.finalizer = f"{GROUP}/kopf"
    chosen.process.ultimate_exiting_timeout = 2 * STOP_S
    return chosen


async def run(dispatcher: Dispatcher, commands: Commands | None = None, *, ready: asyncio.Event | None = None) -> None:
    """The operator, until it is told to stop by a signal: watches, workers, poller and HTTP server."""
    world = dispatcher.world.settings
    async with serving(application(dispatcher, webhook_token=world.webhook_token), port=world.http_port):
        dispatcher.start()
        if commands is not None:
            commands.start()
        try:
            await kopf.operator(
                registry=registry(dispatcher, commands),
                settings=settings(),
                clusterwide=True,
                standalone=True,
                ready_flag=ready,
            )
        finally:
            if commands is not None:
                commands.stop()
            await asyncio.to_thread(dispatcher.stop, timeout_s=STOP_S)


def project(body: Body) -> str:
    """The forge project that an unchecked LocalApp names, or ``""``."""
    spec = body.get("spec")
    repository = spec.get("repository") if isinstance(spec, Mapping) else None
    named = repository.get("project") if isinstance(repository, Mapping) else None
    return named if isinstance(named, str) else ""


def called(body: Body) -> frozenset[str]:
    """The connectors that an unchecked LocalApp names."""
    spec = body.get("spec")
    hosting = spec.get("hosting") if isinstance(spec, Mapping) else None
    uses = hosting.get("connectors") if isinstance(hosting, Mapping) else None
    named = (use.get("name") for use in uses if isinstance(use, Mapping)) if isinstance(uses, list) else ()
    return frozenset(name for name in named if isinstance(name, str))


def asked(body: Body) -> tuple[object, ...]:
    """What of a LocalApp calls for a pass when it changes: all but what the operator writes itself."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        annotations.get(REQUESTED_AT),
        bool(body.get("status")),
    )


def owner_of(body: Body) -> Key | None:
    """The LocalApp that an object belongs to, by its annotation."""
    owner = (body["metadata"].get("annotations") or {}).get(OWNER)
    namespace, slash, name = owner.partition("/") if isinstance(owner, str) else ("", "", "")
    return Key(namespace, name) if slash and namespace and name else None


def progress(body: Body) -> tuple[object, ...]:
    """What of a Deployment or Job calls for a pass: a changed specification, or pods that came or went."""
    status = body.get("status") or {}
    counted = ("observedGeneration", "updatedReplicas", "readyReplicas", "availableReplicas", "succeeded", "failed")
    return (body["metadata"].get("generation"), *(status.get(name) for name in counted))
