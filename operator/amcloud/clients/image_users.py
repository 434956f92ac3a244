"""What in the cluster may name an image: everything that is read here is searched for digests and commits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from amcloud.clients.kubernetes_api import Api
from amcloud.settings import GROUP
from amcloud.stages.objects.operations import Object

_MANAGED: Final = "app.kubernetes.io/managed-by=amcloud"
_USERS: Final = (
    ("apps", "Deployment", _MANAGED),
    ("apps", "ReplicaSet", ""),
    ("batch", "CronJob", _MANAGED),
    ("batch", "Job", ""),
    ("", "Pod", ""),
    ("", "ConfigMap", _MANAGED),
)
"""Group, kind and selector; what controllers make carries the labels of a template, so all of it is read."""


def applications(api: Api) -> list[Object]:
    """Every LocalApp."""
    return list(api.items(api.resource(GROUP, "LocalApp").path(), doing="lecture des LocalApp"))


def texts(api: Api, found: list[Object]) -> Iterator[str]:
    """The LocalApps, and all workloads, pods and inventories, each as one text.

    Raises:
        AmcloudError: something could not be read: nobody may conclude from what is missing.
    """
    yield from map(json.dumps, found)
    for group, kind, labels in _USERS:
        path = api.resource(group, kind).path()
        yield from map(json.dumps, api.items(path, doing=f"lecture des {kind}", labels=labels))


def repositories(found: list[Object]) -> tuple[str, ...]:
    """The registry's repositories of the applications' projects; no other is touched."""
    projects = ((one.get("spec") or {}).get("repository") or {} for one in found)
    return tuple(sorted({str(one["project"]).lower() for one in projects if one.get("project")}))
