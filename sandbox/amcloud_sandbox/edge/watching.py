"""Copies of the cluster's objects of some kinds, kept up to date by list and watch (the official client's).

A watch that ends, or an API server that is away, only delays: the last known objects stay in force meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client, config, watch

from amcloud_sandbox.edge.routes import Key, Object

WATCH_S = 240
READ_TIMEOUT_S = WATCH_S + 30
RETRY_S = 1.0

logger = logging.getLogger(__name__)


class Mirror:
    """Objects of one kind by namespace and name; ``changed`` is called after each change, from the watching thread."""

    def __init__(self, kind: str, list_function: Callable[..., Any], changed: Callable[[], None]) -> None:
        self.kind = kind
        self._list = list_function
        self._changed = changed
        self._lock = threading.Lock()
        self._objects: dict[Key, Object] = {}
        self.synced = threading.Event()

    def objects(self) -> Mapping[Key, Object]:
        """The objects known now."""
        with self._lock:
            return dict(self._objects)

    def start(self) -> None:
        """The kind is watched from now on, in a thread that ends with the program."""
        threading.Thread(target=self._run, name=f"watch-{self.kind}", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._follow(self._take_all())
            # The border of the program: whatever the client raises (there are many kinds), the next try is the cure.
            except Exception as error:  # noqa: BLE001
                logger.warning("%s : surveillance interrompue (%s), reprise", self.kind, error)
                pause.wait(RETRY_S)

    def _take_all(self) -> str:
        answer = json.loads(self._list(_preload_content=False, _request_timeout=30).data)
        with self._lock:
            self._objects = {_key(item): item for item in answer.get("items") or ()}
        self.synced.set()
        self._changed()
        return str(answer["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        # As plain JSON: the client's models refuse objects that the API server took, and `routes` judges by itself.
        stream = watch.Watch().stream(  # type: ignore[no-untyped-call]  # the client carries no types here
            self._list,
            resource_version=version,
            timeout_seconds=WATCH_S,
            _request_timeout=(10, READ_TIMEOUT_S),
            deserialize=False,
        )
        for event in stream:
            item = event["object"]
            with self._lock:
                if event["type"] == "DELETED":
                    self._objects.pop(_key(item), None)
                else:
                    self._objects[_key(item)] = item
            self._changed()


def _key(item: Mapping[str, Any]) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def mirrors(kubeconfig: str, changed: Callable[[], None]) -> tuple[Mirror, Mirror, Mirror]:
    """Mirrors, not started, of Ingress, Service and Endpoints objects of all namespaces."""
    configuration = client.Configuration()
    config.load_kube_config(  # type: ignore[no-untyped-call]  # the client carries no types
        config_file=kubeconfig, client_configuration=configuration
    )
    configuration.client_side_validation = False  # an odd object is for `routes` to refuse, not for the client
    api = client.ApiClient(configuration)
    core, networking = client.CoreV1Api(api), client.NetworkingV1Api(api)
    return (
        Mirror("Ingress", networking.list_ingress_for_all_namespaces, changed),
        Mirror("Service", core.list_service_for_all_namespaces, changed),
        Mirror("Endpoints", core.list_endpoints_for_all_namespaces, changed),
    )
