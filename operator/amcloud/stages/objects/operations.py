"""A Kubernetes object as data, its identity, and what may be done to it. Who does it: ``clients.cluster``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
"""A Kubernetes object as plain data: ``apiVersion``, ``kind``, ``metadata``…"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Identity of an object. ``group`` is ``""`` for core; ``namespace`` is ``""`` for cluster-scoped kinds.

    The version is not part of it: a CronJob is the same object in batch/v1 and batch/v1beta1.
    """

    group: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of one object; ``drifted`` when it existed as applied and somebody changed it.

    ``gone`` when the inventory lists it and it is not there: not made yet, or removed by somebody.
    """

    object: Object
    drifted: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Prune:
    """Removal of one object that the inventory says is ours and is not desired any more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Scale:
    """A Deployment whose number belongs to an autoscaler is below its floor: new, or set lower by hand."""

    key: Key
    replicas: int


Operation = Apply | Prune | Scale


def key(manifest: Object) -> Key:
    """Identity of an object."""
    metadata = manifest["metadata"]
    group, _, _ = manifest["apiVersion"].rpartition("/")
    return Key(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])
