"""A cluster's resources, read to be kept, and written again into an empty one, each after those that it needs.

Kept: every kind of ours, the namespaces of organisations and of instances, their Secrets (forge tokens, credentials,
keys), what people of an organisation may do in its namespace, each instance's inventory, and the operator's settings.
All the rest of an instance is made again by a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from amcloud.clients.archive import Archive
from amcloud.clients.kubernetes_api import JSON_PATCH, Api, ConflictError, Resource
from amcloud.settings import FIELD_MANAGER, GROUP
from amcloud.stages.apply import INVENTORY
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import MANAGED_BY

_OF_THE_SERVER: Final = frozenset(
    {"uid", "resourceVersion", "generation", "managedFields", "selfLink", "creationTimestamp", "ownerReferences",
     "finalizers", "deletionTimestamp", "deletionGracePeriodSeconds"}
)  # fmt: skip
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_MADE_BY_THE_SERVER: Final = "kubernetes.io/service-account-token"
NOT_KEPT: Final = frozenset({"Command"})
"""Requests of a moment: written again, they would be carried out again."""
_BINDINGS: Final = Resource("rbac.authorization.k8s.io/v1", "rolebindings", namespaced=True)
_GIVEN: Final = frozenset({"amcloud-developpeur", "amcloud-responsable", "amcloud-exploitant-espace"})
"""The roles that people have in an organisation's namespace: a changed archive must not give another one."""
_BEFORE: Final = ("Namespace", "Secret", "ConfigMap", "RoleBinding", "Organisation", "NormPack", "Connector")
_AFTER: Final = ("LocalApp", "ConformanceReport")
_DOING: Final = "sauvegarde des ressources du cluster"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one object of an archive."""

    kind: str
    name: str
    made: bool
    """``False`` when it existed: it was left as it is."""


def taken(api: Api, namespace: str, now: datetime) -> Archive:
    """Everything that is kept of the cluster, now; ``namespace`` is the operator's.

    Raises:
        BrokenInstallationError: we may not read one of these kinds.
    """
    spaces = _namespaces(api, namespace)
    objects = [_kept("v1", "Namespace", one) for one in spaces.values()]
    secrets: list[Object] = []
    for name, space in spaces.items():
        instance = (space["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER
        listed = api.items(api.resource("", "Secret").path(name), doing=_DOING)
        secrets += [_kept("v1", "Secret", one) for one in listed if one.get("type") != _MADE_BY_THE_SERVER]
        if not instance:
            listed = api.items(_BINDINGS.path(name), doing=_DOING)
            objects += [_kept(_BINDINGS.api_version, "RoleBinding", one) for one in listed if _gives_ours(one)]
        wanted = {INVENTORY} if instance else None
        listed = api.items(api.resource("", "ConfigMap").path(name), doing=_DOING)
        objects += [
            _kept("v1", "ConfigMap", one)
            for one in listed
            if (one["metadata"]["name"] in wanted if wanted else one["metadata"]["name"] != "kube-root-ca.crt")
        ]
    for resource, kind in _own(api):
        listed = api.items(resource.path(), doing=_DOING)
        objects += [_kept(resource.api_version, kind, one, status=kind == "LocalApp") for one in listed]
    return Archive(now.isoformat(), api.discovery().minor, tuple(objects), tuple(secrets))


def written(api: Api, archive: Archive) -> Iterator[Written]:
    """Write everything of ``archive`` again, one object at a time; what exists already is left as it is.

    Raises:
        BrokenInstallationError: the server refuses one; a definition is missing.
    """
    made: dict[tuple[str, str], str] = {}
    for one in sorted([*archive.objects, *archive.secrets], key=_turn):
        kind, metadata = one["kind"], one["metadata"]
        if kind == "RoleBinding" and not _gives_ours(one):
            continue
        group = one["apiVersion"].rpartition("/")[0]
        resource = _BINDINGS if kind == "RoleBinding" else api.resource(group, kind)
        doing = f"restauration de {kind} « {metadata['name']} »"
        body = {name: value for name, value in one.items() if name != "status"}
        owner = made.get((metadata.get("namespace", ""), str((one.get("spec") or {}).get("app", ""))))
        if kind == "ConformanceReport" and owner:
            body["metadata"] = {**metadata, "ownerReferences": [_reference(one, owner)]}
        try:
            created = api.create(resource.path(metadata.get("namespace", "")), body, doing=doing)
        except ConflictError:
            yield Written(kind, metadata["name"], made=False)
            continue
        if kind == "LocalApp" and created:
            made[metadata["namespace"], metadata["name"]] = created["metadata"]["uid"]
            _put_status(api, resource, one, doing=doing)
        yield Written(kind, metadata["name"], made=True)


def local_apps(api: Api) -> list[str]:
    """Names of the LocalApps that the cluster has: an empty one has none."""
    listed = api.items(api.resource(GROUP, "LocalApp").path(), doing="lecture des LocalApp")
    return [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in listed]


def _namespaces(api: Api, operator: str) -> dict[str, Object]:
    """Those of organisations, of instances, and the operator's own."""
    listed = api.items(api.resource("", "Namespace").path(), doing=_DOING)

    def ours(one: Object) -> bool:
        labels = one["metadata"].get("labels") or {}
        return one["metadata"]["name"] == operator or f"{GROUP}/organisation" in labels

    return {one["metadata"]["name"]: one for one in listed if ours(one)}


def _gives_ours(binding: Object) -> bool:
    """Whether a RoleBinding gives one of the roles of an organisation's people, and no other."""
    role = binding.get("roleRef") or {}
    return role.get("kind") == "ClusterRole" and role.get("name") in _GIVEN


def _own(api: Api) -> Iterator[tuple[Resource, str]]:
    for (group, kind), served in sorted(api.discovery(max_age_s=0).resources.items()):
        if group == GROUP and kind not in NOT_KEPT:
            yield served[0], kind


def _kept(api_version: str, kind: str, found: Object, *, status: bool = False) -> Object:
    """``found`` without what its server wrote on it."""
    metadata = {name: value for name, value in found["metadata"].items() if name not in _OF_THE_SERVER}
    annotations = {name: value for name, value in metadata.pop("annotations", {}).items() if name != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    rest = {
        name: value
        for name, value in found.items()
        if name not in {"apiVersion", "kind", "metadata"} and (name != "status" or status)
    }
    spec = {name: value for name, value in rest.pop("spec", {}).items() if kind != "Namespace" or name != "finalizers"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **({"spec": spec} if spec else {}), **rest}


def _turn(one: Object) -> tuple[int, str, str, str]:
    """When an object is written: what others refer to first, LocalApps near the end, and what names them last."""
    kind, metadata = one["kind"], one["metadata"]
    order = len(_BEFORE)
    if kind in _BEFORE:
        order = _BEFORE.index(kind)
    elif kind in _AFTER:
        order = len(_BEFORE) + 1 + _AFTER.index(kind)
    return order, kind, metadata.get("namespace", ""), metadata["name"]


def _put_status(api: Api, resource: Resource, one: Object, *, doing: str) -> None:
    """History and dates come back; the next pass sets right what is not true any more."""
    status: Mapping[str, Any] = one.get("status") or {}
    if status:
        path = resource.path(one["metadata"]["namespace"], one["metadata"]["name"], "status")
        api.patch(path, [{"op": "add", "path": "/status", "value": dict(status)}], doing=doing, kind=JSON_PATCH)


def _reference(report: Object, uid: str) -> dict[str, Any]:
    return {
        "apiVersion": report["apiVersion"],
        "kind": "LocalApp",
        "name": report["spec"]["app"],
        "uid": uid,
        "blockOwnerDeletion": False,
        "controller": False,
    }
