"""Step 6: desired × live objects → what to write, in waves, and what to remove. Nothing when nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from amcloud.errors import NotOwnedError
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.declared.intention import COMMIT, IMAGE
from amcloud.stages.manifest import App
from amcloud.stages.objects.comparison import holds
from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune, Scale, key
from amcloud.stages.render import MANAGED_BY, OWNER, Place, Revision, owner

INVENTORY: Final = "amcloud-inventory"
"""Name of the ConfigMap that remembers what was applied."""
APPLIED: Final = f"{GROUP}/applied"
_FOUNDATION: Final = frozenset(
    {
        *("Namespace", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap"),
        *("NetworkPolicy", "RoleBinding"),
    }
)
_NEVER_PRUNED: Final = frozenset({"Namespace", "Secret", "PersistentVolumeClaim"})
"""What holds data or credentials goes with its application only, never by a change of templates.

No template makes a claim on a volume today; the day that one does, its data are safe.
"""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the last passes applied for one instance, and the revision that was last let in. Kept in the cluster."""

    keys: frozenset[Key] = frozenset()
    revision: Revision | None = None


class Wave(IntEnum):
    """Order of application: a wave starts when the one before is done."""

    FOUNDATION = 1
    """Namespace, quota, service account, secrets, configuration, network policy, what people may do."""
    MIGRATION = 2
    """The migration Job, which must complete."""
    SERVICE = 3
    """Deployment, Service, Ingress, autoscaler, disruption budget, schedules."""


def wave_of(manifest: Object) -> Wave:
    """The wave of an object, by its kind."""
    if manifest["kind"] == "Job":
        return Wave.MIGRATION
    return Wave.FOUNDATION if manifest["kind"] in _FOUNDATION else Wave.SERVICE


def keys(desired: tuple[Object, ...]) -> frozenset[Key]:
    """Identities of objects."""
    return frozenset(map(key, desired))


def with_inventory(
    desired: tuple[Object, ...], inventory: Inventory, app: App, place: Place, revision: Revision
) -> tuple[Object, ...]:
    """``desired`` with the object that remembers it, right after the namespace, so that a killed pass leaves no orphan.

    It lists what is desired and what the last inventory still has to lose.
    """
    labels = {
        "app.kubernetes.io/name": app.name,
        "app.kubernetes.io/instance": place.namespace,
        "app.kubernetes.io/component": "inventory",
        "app.kubernetes.io/part-of": "amcloud",
        MANAGED_BY: FIELD_MANAGER,
        f"{GROUP}/app": app.name,
    }
    memory: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": INVENTORY,
            "namespace": place.namespace,
            "labels": labels,
            "annotations": {OWNER: owner(app)},
        },
        "data": {"commit": revision.commit, "image": revision.image},
    }
    listed = keys(desired) | {key(memory)} | inventory.keys
    remembered = _remembering(memory, listed)
    first = [one for one in desired if one["kind"] == "Namespace"]
    return (*first, remembered, *(one for one in desired if one["kind"] != "Namespace"))


def read_inventory(remembered: Object | None) -> Inventory:
    """The inventory in that object; an empty one when it is absent or was damaged by hand (nothing is pruned then).

    Entries of other namespaces are left out: nobody makes us remove them by editing ours.
    """
    if remembered is None:
        return Inventory()
    namespace, data = remembered["metadata"].get("namespace", ""), remembered.get("data")
    if not isinstance(data, dict):
        return Inventory()
    commit, image = data.get("commit"), data.get("image")
    whole = isinstance(commit, str) and isinstance(image, str) and COMMIT.fullmatch(commit) and IMAGE.fullmatch(image)
    revision = Revision(str(commit), str(image)) if whole else None
    try:
        listed = json.loads(data.get("objects", "[]"))
        found = frozenset(Key(*_strings(entry)) for entry in listed)
    except (TypeError, ValueError, RecursionError):
        return Inventory(revision=revision)
    ours = {k for k in found if k.namespace == namespace or (k.kind == "Namespace" and k.name == namespace)}
    return Inventory(frozenset(ours), revision)


def plan(
    desired: tuple[Object, ...], live: Mapping[Key, Object], inventory: Inventory, *, wave: Wave
) -> tuple[Operation, ...]:
    """What to write in ``wave``. Objects already as desired give nothing; pruning belongs to the last wave.

    Raises:
        NotOwnedError: a live object of that name, of whatever wave, is somebody else's: nothing was written then, and
            nothing of theirs comes into the inventory.
    """
    _refuse_takeovers(desired, live, inventory)
    mine = [one for one in desired if wave_of(one) is wave]
    operations: list[Operation] = [
        operation for one in mine if (operation := _apply(one, live.get(key(one)), inventory)) is not None
    ]
    operations += _scales(mine, live)
    if wave is max(Wave):
        operations += _prunes(desired, live, inventory)
    return tuple(operations)


def _scales(mine: list[Object], live: Mapping[Key, Object]) -> list[Scale]:
    """Raises to the autoscalers' floors: they would do it themselves, but seconds later, and never from zero."""
    wanted = []
    for autoscaler in (one for one in mine if one["kind"] == "HorizontalPodAutoscaler"):
        target, floor = autoscaler["spec"]["scaleTargetRef"], autoscaler["spec"]["minReplicas"]
        identity = Key("apps", target["kind"], autoscaler["metadata"]["namespace"], target["name"])
        if live.get(identity, {}).get("spec", {}).get("replicas", 1) < floor:
            wanted.append(Scale(identity, floor))
    return wanted


def restored(operations: tuple[Operation, ...], *, complete: bool = False) -> tuple[str, ...]:
    """``Kind/name`` of the objects that somebody had changed; or removed, if all had been there (``complete``)."""
    return tuple(
        f"{o.object['kind']}/{o.object['metadata']['name']}"
        for o in operations
        if isinstance(o, Apply) and (o.drifted or (complete and o.gone))
    )


def stamped(desired: Object) -> Object:
    """``desired`` with the digest of itself, by which a field that we no longer want is noticed."""
    digest = hashlib.sha256(json.dumps(desired, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def _apply(desired: Object, live: Object | None, inventory: Inventory) -> Apply | None:
    stamp = stamped(desired)
    if live is None:  # a migration's Job is removed on purpose, to run once more
        return Apply(stamp, gone=desired["kind"] != "Job" and key(desired) in inventory.keys)
    same = _annotation(live, APPLIED) == _annotation(stamp, APPLIED)
    if same and holds(live, stamp):
        return None
    return Apply(stamp, drifted=same)


def _refuse_takeovers(desired: tuple[Object, ...], live: Mapping[Key, Object], inventory: Inventory) -> None:
    for one in desired:
        found = live.get(key(one))
        if found is not None and (other := _other_owner(one, found, inventory)) is not None:
            raise NotOwnedError(_reference(key(one)), other)


def _other_owner(desired: Object, live: Object, inventory: Inventory) -> str | None:
    """Who ``live`` belongs to if not to this app."""
    ours, marked = _annotation(desired, OWNER), _annotation(live, OWNER)
    if marked:
        return None if marked == ours else f"l'application {marked}"
    if key(desired) in inventory.keys and _applied(live):
        return None
    manager = live["metadata"].get("labels", {}).get(MANAGED_BY)
    return f"« {manager} »" if manager else "quelqu'un d'autre (aucune marque d'AM Cloud)"


def _prunes(desired: tuple[Object, ...], live: Mapping[Key, Object], inventory: Inventory) -> list[Operation]:
    """Removals, then the inventory without what is gone."""
    memory = next((one for one in desired if one["metadata"]["name"] == INVENTORY), None)
    if memory is None:
        return []
    wanted, ours = keys(desired), _annotation(memory, OWNER)
    kept = {k for k in inventory.keys if k.kind in _NEVER_PRUNED and k in live}
    lost = sorted(inventory.keys - wanted - kept)
    removals: list[Operation] = [Prune(k) for k in lost if k in live and _removable(live[k], ours)]
    shorter = stamped(_remembering(memory, wanted | kept))
    if not lost or holds(live.get(key(memory)), shorter):
        return removals
    return [*removals, Apply(shorter)]


def _removable(live: Object, ours: str | None) -> bool:
    """Not with somebody else's mark on it by now; and without any, only what we did apply."""
    marked = _annotation(live, OWNER)
    return marked == ours if marked is not None else _applied(live)


def _applied(live: Object) -> bool:
    """Whether our field manager wrote the object, where the server tells: somebody may have taken our mark off it."""
    managers = {entry.get("manager") for entry in live["metadata"].get("managedFields") or ()}
    return not managers or FIELD_MANAGER in managers


def _remembering(memory: Object, listed: frozenset[Key] | set[Key]) -> Object:
    entries = [[k.group, k.kind, k.namespace, k.name] for k in sorted(listed)]
    return {**memory, "data": {**memory["data"], "objects": json.dumps(entries)}}


def _strings(entry: Any) -> list[str]:
    if not isinstance(entry, list) or len(entry) != len(Key.__slots__) or not all(isinstance(e, str) for e in entry):
        raise TypeError
    return entry


def _annotation(manifest: Object, name: str) -> str | None:
    found = (manifest["metadata"].get("annotations") or {}).get(name)
    return found if isinstance(found, str) else None


def _reference(identity: Key) -> str:
    where = f" dans {identity.namespace}" if identity.namespace else ""
    return f"{identity.kind} « {identity.name} »{where}"
