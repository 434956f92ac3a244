"""The Kubernetes API of a pass, in memory (see ``amcloud_fakes``)."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from amcloud_samples import (
    ORGANISATIONS,
    PACK,
)

from amcloud.settings import FINALIZER
from amcloud.stages import apply
from amcloud.stages.apply import Inventory
from amcloud.stages.conditions import Event
from amcloud.stages.declared.app import App, Organisation, Stage, Suspension
from amcloud.stages.declared.connectors import Connector, Given, recalled
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud.stages.objects import operations
from amcloud.stages.objects.kinds import VERSIONS, Offers
from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune, Scale
from amcloud.stages.render import CREDENTIALS, OWNER, Access, Place
from psram.model import (
    Report,
)

if TYPE_CHECKING:
    from amcloud_fakes import FakeWorld


def copied(found: Any) -> Any:
    """As ``copy.deepcopy``, several times as fast."""
    return pickle.loads(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))


class FakeCluster:
    """Objects by identity; Deployments and Jobs are carried out at once, as ``rollout`` and ``migration`` say."""

    def __init__(self, outside: FakeWorld) -> None:
        self._outside = outside
        self.objects: dict[Key, dict[str, Any]] = {}
        self.apps: dict[tuple[str, str], dict[str, Any]] = {}
        self.reports: dict[str, Report] = {}
        self.running: tuple[Object, ...] = ()
        self.events: list[Event] = []
        self.organisations_by_code = dict(ORGANISATIONS)
        self.namespaces = {"cpam-bas-rhin": "671", "cpam-haut-rhin": "681"}
        self.debts: set[str] = set()
        self.suspensions: dict[tuple[str, str], Suspension] = {}
        self.packs: tuple[NormPack, ...] = (PACK,)
        self.offered: dict[str, Connector] = {}
        self.tokens: dict[str, str] = {}
        """Credentials of services, by name of their Secret in the operator's namespace."""
        self.acceptances = Dossier()
        self.subscriptions: frozenset[str] = frozenset()
        self.secrets: frozenset[str] = frozenset()
        self.rollout = True
        self.broken: set[str] = set()
        """Images whose pods never become ready."""
        self.migration = True
        self.deletes_at_once = True

    def add(self, app: dict[str, Any]) -> None:
        """Somebody applies a LocalApp: its status and finalizers stay, its generation moves with its spec."""
        key = (app["metadata"]["namespace"], app["metadata"]["name"])
        before = self.apps.get(key)
        made = copied(app)
        if before is not None:
            made["status"] = before.get("status", {})
            made["metadata"] = {**before["metadata"], **made["metadata"]}
        self.apps[key] = made

    def offers(self) -> Offers:
        return Offers(dict(VERSIONS), 28)

    def organisations(self) -> Mapping[str, Organisation]:
        return self.organisations_by_code

    def connectors(self, app: App) -> Mapping[str, Connector]:
        declared = {use.name for use in app.hosting.connectors}
        return {name: one for name, one in self.offered.items() if name in declared}

    def connector_token(self, namespace: str, name: str) -> str | None:
        return self.tokens.get(name)

    def given(self, place: Place) -> tuple[Given, ...]:
        secret = self.objects.get(Key("", "Secret", place.namespace, CREDENTIALS))
        kept = secret["data"] if secret else {}
        return recalled({name: base64.b64decode(value).decode() for name, value in kept.items()})

    def suspension(self, app: App) -> Suspension | None:
        return self.suspensions.get((app.namespace, app.name))

    def declared_by(self, organisation: str) -> tuple[Object, ...]:
        own = {space for space, code in self.namespaces.items() if code == organisation}
        return tuple(copied(app) for (space, _), app in self.apps.items() if space in own)

    def norm_packs(self) -> tuple[NormPack, ...]:
        return self.packs

    def dossier(self, app: App) -> Dossier:
        return self.acceptances

    def subscribed(self, app: App) -> frozenset[str]:
        return self.subscriptions

    def namespace_organisation(self, namespace: str) -> str | None:
        return self.namespaces.get(namespace)

    def forge_token(self, app: App) -> str | None:
        return None

    def secret_names(self, namespace: str) -> frozenset[str]:
        return self.secrets

    def local_app(self, namespace: str, name: str) -> Object | None:
        return copied(self.apps.get((namespace, name)))

    def instances(self, manifest: Object) -> tuple[str, ...]:
        owner = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
        return tuple(
            sorted(
                key.name
                for key, found in self.objects.items()
                if key.kind == "Namespace" and found["metadata"]["annotations"].get(OWNER) == owner
            )
        )

    def instance_owner(self, namespace: str) -> str | None:
        found = self.objects.get(Key("", "Namespace", "", namespace))
        return None if found is None else found["metadata"].get("annotations", {}).get(OWNER, "")

    def inventory(self, namespace: str) -> Inventory:
        return apply.read_inventory(self.objects.get(Key("", "ConfigMap", namespace, apply.INVENTORY)))

    def live(self, keys: frozenset[Key]) -> Mapping[Key, Object]:
        return {key: copied(self.objects[key]) for key in keys if key in self.objects}

    def pods(self, namespace: str) -> tuple[Object, ...]:
        return self.running

    def execute(self, operation: Operation) -> None:
        match operation:
            case Apply(object=desired):
                key = operations.key(desired)
                self.objects[key] = self._carried_out(dict(copied(desired)), self.objects.get(key))
                self._outside.effect("apply", key)
            case Scale(key=key, replicas=replicas):
                self.objects[key]["spec"]["replicas"] = replicas
                counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
                if self._comes_up(self.objects[key]):
                    self.objects[key]["status"].update(dict.fromkeys(counts, replicas))
                self._outside.effect("scale", key)
            case Prune(key=key):
                self.objects.pop(key, None)
                self._outside.effect("prune", key)

    def _carried_out(self, made: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        kind, metadata = made["kind"], made["metadata"]
        generation = before["metadata"].get("generation", 0) if before else 0
        changed = before is None or before.get("spec") != made.get("spec")
        metadata["generation"] = generation + 1 if changed else generation
        metadata["creationTimestamp"] = "2026-03-02T08:00:00Z"
        if kind == "Deployment":
            before_status = (before or {}).get("status", {})
            count = made["spec"].get("replicas", 2)
            rolled = {
                "observedGeneration": metadata["generation"],
                "replicas": count,
                "updatedReplicas": count,
                "readyReplicas": count,
                "availableReplicas": count,
            }
            stuck = {
                "observedGeneration": metadata["generation"],
                "replicas": before_status.get("replicas", 0) + 1,
                "updatedReplicas": 1,
                "availableReplicas": before_status.get("availableReplicas", 0),
            }
            made["status"] = rolled if self._comes_up(made) else stuck
        if kind == "Job":
            condition = "Complete" if self.migration else "Failed"
            made["status"] = {"conditions": [{"type": condition, "status": "True", "message": "colonne en double"}]}
        if kind == "Namespace":
            made["status"] = {"phase": "Active"}
        return made

    def _comes_up(self, deployment: dict[str, Any]) -> bool:
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return self.rollout and image not in self.broken

    def access(self, place: Place) -> Access | None:
        found = Key("", "Secret", place.namespace, CREDENTIALS) in self.objects
        return self._outside.database.databases.get(place.database) if found else None

    def owe(self, operator_namespace: str, namespace: str) -> None:
        self.debts.add(namespace)

    def owed(self, operator_namespace: str) -> tuple[str, ...]:
        return tuple(sorted(self.debts))

    def settle(self, operator_namespace: str, namespace: str) -> None:
        self.debts.discard(namespace)

    def delete_namespace(self, namespace: str) -> bool:
        inside = [
            key for key in self.objects if namespace in {key.namespace, key.name if key.kind == "Namespace" else ""}
        ]
        if not inside:
            return True
        if self.deletes_at_once:
            for key in inside:
                del self.objects[key]
            self._outside.effect("delete", namespace)
        return False

    def set_local_app_status(self, app_namespace: str, app_name: str, status: Mapping[str, Any]) -> None:
        if (app_namespace, app_name) in self.apps:
            self.apps[app_namespace, app_name]["status"] = copied(dict(status))
            self._outside.effect("localapp", app_name)

    def keep_report(self, app: App, stage: Stage, report: Report, url: str, correlation: str = "") -> str:
        name = f"{app.name}-{stage.name}-{report.commit[:12]}"
        if name not in self.reports:
            self.reports[name] = report
            self._outside.effect("cfr", name)
        return name

    def emit(self, manifest: Object, event: Event) -> None:
        self.events.append(event)

    def set_finalizer(self, manifest: Object, *, present: bool) -> None:
        metadata = manifest["metadata"]
        found = self.apps.get((metadata["namespace"], metadata["name"]))
        if found is None:
            return
        finalizers = found["metadata"].setdefault("finalizers", [])
        if (FINALIZER in finalizers) is present:
            return
        if present:
            finalizers.append(FINALIZER)
        else:
            finalizers.remove(FINALIZER)
            if found["metadata"].get("deletionTimestamp") and not finalizers:
                del self.apps[metadata["namespace"], metadata["name"]]
        self._outside.effect("finalizer", present)

    def status(self, name: str = "suivi-courriers") -> dict[str, Any]:
        """What kubectl shows."""
        return self.apps["cpam-bas-rhin", name].get("status", {})
