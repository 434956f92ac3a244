"""Stage 6: desired objects × live objects → what to write, in waves, and what to remove. Nothing when nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from amcloud.stages.manifest import App
from amcloud.stages.render import Object, Place, Revision


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
class Inventory:
    """What the last passes applied for one instance, and the revision that was last let in. Kept in the cluster."""

    keys: frozenset[Key] = frozenset()
    revision: Revision | None = None


class Wave(IntEnum):
    """Order of application: a wave starts when the one before is done."""

    FOUNDATION = 1
    """Namespace, quota, service account, secrets, configuration, network policy."""
    MIGRATION = 2
    """The migration Job, which must complete."""
    SERVICE = 3
    """Deployment, Service, Ingress, autoscaler, disruption budget, schedules."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of one object; ``drifted`` when it existed as applied and somebody changed it."""

    object: Object
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Prune:
    """Removal of one object that the inventory says is ours and is not desired any more."""

    key: Key


Operation = Apply | Prune


def key(manifest: Object) -> Key:
    """Identity of an object."""
    raise NotImplementedError


def wave_of(manifest: Object) -> Wave:
    """The wave of an object, by its kind."""
    raise NotImplementedError


def keys(desired: tuple[Object, ...]) -> frozenset[Key]:
    """Identities of objects."""
    raise NotImplementedError


def with_inventory(
    desired: tuple[Object, ...], inventory: Inventory, app: App, place: Place, revision: Revision
) -> tuple[Object, ...]:
    """``desired`` with the object that remembers it, right after the namespace, so that a killed pass leaves no orphan.

    It lists what is desired and what the last inventory still has to lose.
    """
    raise NotImplementedError


def read_inventory(remembered: Object | None) -> Inventory:
    """The inventory in that object; an empty one when it is absent or was damaged by hand (nothing is pruned then)."""
    raise NotImplementedError


def plan(
    desired: tuple[Object, ...], live: Mapping[Key, Object], inventory: Inventory, *, wave: Wave
) -> tuple[Operation, ...]:
    """What to write in ``wave``. Objects already as desired give nothing; pruning belongs to the last wave.

    Raises:
        NotOwnedError: a live object of that name is not in the inventory and carries no mark of this app.
    """
    raise NotImplementedError


def restored(operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """``Kind/name`` of the objects that somebody had changed."""
    raise NotImplementedError
