"""The Kubernetes API as a pass needs it (:class:`amcloud.ports.Cluster`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, assert_never

from amcloud.clients import acceptances, pod_words, records
from amcloud.clients.kubernetes_api import APPLY_PATCH, JSON_PATCH, Api, ConflictError, Resource
from amcloud.errors import AmcloudError, BrokenInstallationError, RepositoryRefusedError, UnavailableError
from amcloud.settings import FIELD_MANAGER, FINALIZER, GROUP
from amcloud.stages.apply import INVENTORY, Inventory, read_inventory
from amcloud.stages.conditions import Event
from amcloud.stages.declared.app import App, Organisation, Stage, Suspension
from amcloud.stages.declared.connectors import SECRET_TYPE, Connector, Given, recalled
from amcloud.stages.declared.norms import NormPack
from amcloud.stages.gate import Dossier
from amcloud.stages.objects.kinds import OPTIONAL, VERSIONS, Offers
from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune, Scale, key
from amcloud.stages.render import CREDENTIALS, MANAGED_BY, OWNER, Access, Place
from amcloud.stages.steering.suspension import imposed
from psram.model import Report

FINALIZER_ATTEMPTS: Final = 3


class KubernetesCluster:
    """Adapter of one API server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def offers(self) -> Offers:
        """API versions of this server, by discovery; cached."""
        discovery = self._api.discovery()
        found: dict[str, tuple[str, ...]] = {}
        for kind, versions in VERSIONS.items():
            group = versions[0].rpartition("/")[0]
            found[kind] = tuple(r.api_version for r in discovery.resources.get((group, kind), ()))
        return Offers(found, discovery.minor, discovery.fields)

    def organisations(self) -> Mapping[str, Organisation]:
        """Every organisation by code."""
        found = map(records.organisation, self._own("Organisation", "lecture des organismes"))
        return {one.code: one for one in found if one is not None}

    def local_apps(self) -> list[Object]:
        """Every LocalApp, of all namespaces, as it is."""
        return self._own("LocalApp", "lecture des LocalApp")

    def connectors(self, app: App) -> Mapping[str, Connector]:
        """The connectors that ``app`` declares, by name; those that do not exist are left out."""
        names = [use.name for use in app.hosting.connectors]
        found = (self._get(GROUP, "Connector", name=name) for name in names)
        read = (records.connector(one) for one in found if one is not None)
        return {one.name: one for one in read if one is not None}

    def all_connectors(self) -> Mapping[str, Connector]:
        """Every connector by name; one that cannot be read is left out."""
        found = map(records.connector, self._own("Connector", "lecture des connecteurs"))
        return {one.name: one for one in found if one is not None}

    def connector_token(self, namespace: str, name: str) -> str | None:
        """A service's credential for one application; ``None`` when there is no such Secret of that type."""
        secret = self._get("", "Secret", namespace=namespace, name=name)
        if secret is None or secret.get("type") != SECRET_TYPE:
            return None
        return (records.secret_value(secret, "token") or "").strip() or None

    def given(self, place: Place) -> tuple[Given, ...]:
        """The connectors that the instance was given last, with their versions and credentials."""
        secret = self._get("", "Secret", namespace=place.namespace, name=CREDENTIALS)
        return recalled(records.secret_values(secret)) if secret else ()

    def suspension(self, app: App) -> Suspension | None:
        """The ``Suspension`` of its name beside the LocalApp, which the DDSI alone may write."""
        return imposed(self._get(GROUP, "Suspension", namespace=app.namespace, name=app.name))

    def declared_by(self, organisation: str) -> tuple[Object, ...]:
        """Every LocalApp in the namespaces of the organisation of that code."""
        labels, doing = f"{GROUP}/organisation={organisation}", f"LocalApp de l'organisme {organisation}"
        spaces = self._api.items(self._api.resource("", "Namespace").path(), doing=doing, labels=labels)
        own = [one["metadata"]["name"] for one in spaces if _labels(one).get(MANAGED_BY) != FIELD_MANAGER]
        local_apps = self._api.resource(GROUP, "LocalApp")
        return tuple(one for name in own for one in self._api.items(local_apps.path(name), doing=doing))

    def norm_packs(self) -> tuple[NormPack, ...]:
        """Every norm pack declared; one that cannot be read is no pack."""
        found = map(records.norm_pack, self._own("NormPack", "lecture des packs de normes"))
        return tuple(one for one in found if one is not None)

    def dossier(self, app: App) -> Dossier:
        """The procès-verbaux of this app, oldest first; derogations come with their own kind, not installed yet."""
        path, doing = self._api.resource(GROUP, "AcceptanceReport").path(app.namespace), "lecture des procès-verbaux"
        return Dossier(acceptances.of(app.name, self._api.items(path, doing=doing)))

    def subscribed(self, app: App) -> frozenset[str]:
        """None: subscriptions come with their own kind, which is not installed yet."""
        del app
        return frozenset()

    def namespace_organisation(self, namespace: str) -> str | None:
        """Code of the organisation to which a namespace belongs, by its label."""
        found = self._get("", "Namespace", name=namespace)
        return None if found is None else _labels(found).get(f"{GROUP}/organisation")

    def forge_token(self, app: App) -> str | None:
        """The organisation's own credential for its project, or ``None`` when the manifest names none.

        ``name:token`` where the Secret has a ``username``, as a deploy token needs.

        Raises:
            RepositoryRefusedError: the manifest names a Secret that is absent or has no ``token``.
        """
        name = app.source.credentials
        if name is None:
            return None
        secret = self._get("", "Secret", namespace=app.namespace, name=name)
        token = records.secret_value(secret, "token") if secret else None
        if not token or not token.strip():
            what = "n'existe pas" if secret is None else "n'a pas de clé « token »"
            raise RepositoryRefusedError(
                f"Le Secret « {name} » (spec.repository.credentialsRef) {what} dans l'espace {app.namespace}."
            )
        username = (records.secret_value(secret, "username") or "").strip() if secret else ""
        return f"{username}:{token.strip()}" if username else token.strip()

    def secret_names(self, namespace: str) -> frozenset[str]:
        """Names of the Secrets of a namespace."""
        path = self._api.resource("", "Secret").path(namespace)
        listed = self._api.items(path, doing=f"liste des Secrets de {namespace}")
        return frozenset(one["metadata"]["name"] for one in listed)

    def local_app(self, namespace: str, name: str) -> Object | None:
        """The LocalApp as it is now, or ``None``."""
        return self._get(GROUP, "LocalApp", namespace=namespace, name=name)

    def instances(self, manifest: Object) -> tuple[str, ...]:
        """Namespaces of all instances of this LocalApp, those of stages given up included."""
        metadata = manifest["metadata"]
        labels = f"{GROUP}/app={metadata['name']},{MANAGED_BY}={FIELD_MANAGER}"
        path = self._api.resource("", "Namespace").path()
        listed = self._api.items(path, doing="liste des instances", labels=labels)
        owner = f"{metadata['namespace']}/{metadata['name']}"
        return tuple(sorted(one["metadata"]["name"] for one in listed if _annotations(one).get(OWNER) == owner))

    def instance_owner(self, namespace: str) -> str | None:
        """``namespace/name`` of the LocalApp whose instance lives there; ``""`` for nobody's, ``None`` when absent."""
        found = self._get("", "Namespace", name=namespace)
        return None if found is None else _annotations(found).get(OWNER, "")

    def inventory(self, namespace: str) -> Inventory:
        """What was applied there; empty when nothing was."""
        return read_inventory(self._get("", "ConfigMap", namespace=namespace, name=INVENTORY))

    def live(self, keys: frozenset[Key]) -> Mapping[Key, Object]:
        """The objects that exist among ``keys``, in the API versions that the templates speak.

        An optional kind that the server does not serve any more has none.
        """
        served = self._api.discovery().resources
        there = [k for k in sorted(keys) if k.kind not in OPTIONAL or (k.group, k.kind) in served]
        found = {k: self._get(k.group, k.kind, namespace=k.namespace, name=k.name) for k in there}
        return {k: self._completed(k, one) for k, one in found.items() if one is not None}

    def pods(self, namespace: str) -> tuple[Object, ...]:
        """Pods of an instance; the last lines of a container in trouble are in its status, masked."""
        path = self._api.resource("", "Pod").path(namespace)
        pods = tuple(map(records.masked_pod, self._api.items(path, doing=f"liste des pods de {namespace}")))
        return pod_words.with_last_lines(self._api, namespace, pods, now=datetime.now(UTC))

    def execute(self, operation: Operation) -> None:
        """Carry out one intention.

        Raises:
            BrokenInstallationError: the server refuses it for good.
        """
        match operation:
            case Apply(object=desired):
                identity = key(desired)
                path = self._resource(identity).path(identity.namespace, identity.name)
                self._apply(path, desired, doing=f"application de {identity.kind} « {identity.name} »")
            case Prune(key=identity):
                path = self._resource(identity).path(identity.namespace, identity.name)
                self._api.delete(path, doing=f"suppression de {identity.kind} « {identity.name} »")
            case Scale(key=identity, replicas=replicas):
                path = self._resource(identity).path(identity.namespace, identity.name) + "/scale"
                doing = f"mise à l'échelle de {identity.kind} « {identity.name} »"
                self._api.patch(path, {"spec": {"replicas": replicas}}, doing=doing)
            case _:
                assert_never(operation)

    def preview(self, operation: Operation) -> Object | None:
        """What the server says an object would be after ``operation``: a dry run. ``None`` where it would not be.

        Raises:
            BrokenInstallationError: the server would refuse it.
        """
        match operation:
            case Apply(object=desired):
                identity = key(desired)
                path = self._resource(identity).path(identity.namespace, identity.name)
                params = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
                doing = f"essai de {identity.kind} « {identity.name} »"
                return self._api.patch(path, desired, doing=doing, kind=APPLY_PATCH, params=params)
            case Prune() | Scale():
                return None
            case _:
                assert_never(operation)

    def access(self, place: Place) -> Access | None:
        """Credentials of an instance as kept in its Secret, or ``None`` when it is absent or incomplete."""
        secret = self._get("", "Secret", namespace=place.namespace, name=CREDENTIALS)
        return records.access(secret) if secret else None

    def owe(self, operator_namespace: str, namespace: str) -> None:
        """Remembered as a ConfigMap of the operator's namespace."""
        body = records.debt(operator_namespace, namespace)
        path = self._api.resource("", "ConfigMap").path(operator_namespace, body["metadata"]["name"])
        self._apply(path, body, doing=f"mémoire des données de {namespace}")

    def owed(self, operator_namespace: str) -> tuple[str, ...]:
        """Instances whose data have yet to be removed."""
        path = self._api.resource("", "ConfigMap").path(operator_namespace)
        listed = self._api.items(path, doing="lecture des données à supprimer", labels=records.DEBTS)
        return tuple(sorted(str((one.get("data") or {}).get("instance", "")) for one in listed))

    def settle(self, operator_namespace: str, namespace: str) -> None:
        """Nothing is owed of this instance any more."""
        name = records.debt(operator_namespace, namespace)["metadata"]["name"]
        path = self._api.resource("", "ConfigMap").path(operator_namespace, name)
        self._api.delete(path, doing=f"oubli des données de {namespace}")

    def delete_namespace(self, namespace: str) -> bool:
        """Ask for the removal of an instance's namespace; whether it is gone. One that is not ours counts as gone."""
        found = self._get("", "Namespace", name=namespace)
        if found is None or _labels(found).get(MANAGED_BY) != FIELD_MANAGER:
            return True
        if not found["metadata"].get("deletionTimestamp"):
            path = self._api.resource("", "Namespace").path(name=namespace)
            self._api.delete(path, doing=f"suppression de l'espace {namespace}")
        return False

    def set_local_app_status(self, app_namespace: str, app_name: str, status: Mapping[str, Any]) -> None:
        """Write the status subresource; an object deleted meanwhile is not an error."""
        path = self._api.resource(GROUP, "LocalApp").path(app_namespace, app_name, "status")
        doing = f"écriture de l'état de {app_namespace}/{app_name}"
        # "add" replaces the status as a whole: server-side apply on 1.20 leaves `null` where a list lost its last item
        self._api.patch(path, [{"op": "add", "path": "/status", "value": dict(status)}], doing=doing, kind=JSON_PATCH)

    def keep_report(self, app: App, stage: Stage, report: Report, url: str, correlation: str = "") -> str:
        """Name of the ``ConformanceReport`` of this verdict, made unless it exists."""
        resource = self._api.resource(GROUP, "ConformanceReport")
        body = records.conformance_report(
            app, stage, report, url, correlation=correlation, api_version=resource.api_version
        )
        name: str = body["metadata"]["name"]
        doing = f"écriture du rapport de conformité {name}"
        if self._api.get(resource.path(app.namespace, name), doing=doing) is None:
            try:
                made = self._api.create(resource.path(app.namespace), body, doing=doing)
            except ConflictError:
                return name  # another pass was quicker; the name says the content
            if made is None:
                raise UnavailableError(f"{doing} : l'espace {app.namespace} n'existe pas")
        return name

    def emit(self, manifest: Object, event: Event) -> None:
        """An event on the LocalApp, counted when it was said before; never raises."""
        metadata = manifest["metadata"]
        said = "\0".join((str(metadata.get("uid")), event.type, event.reason, event.message))
        name = f"{metadata['name']}.{sha256(said.encode()).hexdigest()[:16]}"
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            path, doing = self._api.resource("", "Event"), f"événement {event.reason}"
            known = self._api.get(path.path(metadata["namespace"], name), doing=doing)
            if known is None:
                body = records.event(manifest, event, name=name, now=now)
                self._api.create(path.path(metadata["namespace"]), body, doing=doing)
            else:
                again: dict[str, Any] = {"count": int(known.get("count") or 1) + 1, "lastTimestamp": now}
                if event.correlation:
                    again["metadata"] = {"annotations": {records.CORRELATION: event.correlation}}
                self._api.patch(path.path(metadata["namespace"], name), again, doing=doing)
        except AmcloudError:
            return  # an event is a courtesy: the status says the same

    def set_finalizer(self, manifest: Object, *, present: bool) -> None:
        """Add or remove our finalizer, and no other."""
        metadata = manifest["metadata"]
        if (FINALIZER in (metadata.get("finalizers") or [])) is present:
            return
        path = self._api.resource(GROUP, "LocalApp").path(metadata["namespace"], metadata["name"])
        doing = f"finaliseur de {metadata['namespace']}/{metadata['name']}"
        for _ in range(FINALIZER_ATTEMPTS):
            fresh = self._api.get(path, doing=doing)
            if fresh is None or fresh["metadata"].get("uid") != metadata.get("uid", fresh["metadata"].get("uid")):
                return
            others = [f for f in fresh["metadata"].get("finalizers") or [] if f != FINALIZER]
            # the version guards against somebody else's finalizer that came meanwhile
            wanted = {
                "finalizers": [*others, FINALIZER] if present else others,
                "resourceVersion": fresh["metadata"]["resourceVersion"],
            }
            try:
                self._api.patch(path, {"metadata": wanted}, doing=doing)
            except ConflictError:
                continue
            return
        raise UnavailableError(f"{doing} : l'objet change sans cesse")

    def _completed(self, identity: Key, found: Object) -> Object:
        return pod_words.with_refusal(self._api, found, now=datetime.now(UTC)) if identity.kind == "Job" else found

    def _apply(self, path: str, desired: Object, *, doing: str) -> None:
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        if self._api.patch(path, desired, doing=doing, kind=APPLY_PATCH, params=params) is None:
            raise UnavailableError(f"{doing} : son espace n'existe pas")

    def _own(self, kind: str, doing: str) -> list[Object]:
        return list(self._api.items(self._api.resource(GROUP, kind).path(), doing=doing))

    def _get(self, group: str, kind: str, *, namespace: str = "", name: str) -> Object | None:
        resource = self._resource(Key(group, kind, namespace, name))
        where = f" dans {namespace}" if namespace else ""
        return self._api.get(resource.path(namespace, name), doing=f"lecture de {kind} « {name} »{where}")

    def _resource(self, identity: Key) -> Resource:
        resource = self._api.resource(identity.group, identity.kind, VERSIONS.get(identity.kind, ()))
        if resource.namespaced is not bool(identity.namespace):
            raise BrokenInstallationError(f"{identity.kind} « {identity.name} » : espace de noms inattendu ou manquant")
        return resource


def _labels(manifest: Object) -> Mapping[str, str]:
    return manifest["metadata"].get("labels") or {}


def _annotations(manifest: Object) -> Mapping[str, str]:
    return manifest["metadata"].get("annotations") or {}
