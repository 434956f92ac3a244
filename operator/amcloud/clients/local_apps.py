"""LocalApps as people change them from a command: with their own rights, by annotations that the operator acts upon."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from amcloud.clients.kubernetes_api import Api
from amcloud.errors import InvalidManifestError
from amcloud.settings import GROUP
from amcloud.stages.objects.operations import Object

KIND = "LocalApp"


class LocalApps:
    """The LocalApps of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, name: str, namespace: str = "") -> Object:
        """The LocalApp of that name: names are unique in the fleet, ``namespace`` spares the search.

        Raises:
            InvalidManifestError: there is none (names that look like it are told), or several are declared.
        """
        listed: list[Object] = []
        if namespace:
            found = [one] if (one := self.get(namespace, name)) is not None else []
        else:
            listed = self.all()
            found = [one for one in listed if one["metadata"]["name"] == name]
        if not found:
            where = f" dans l'espace {namespace}" if namespace else ""
            raise InvalidManifestError(name, f"aucune application de ce nom{where}{_meant(name, listed or self.all())}")
        if len(found) > 1:
            spaces = ", ".join(sorted(one["metadata"]["namespace"] for one in found))
            raise InvalidManifestError(name, f"ce nom est déclaré dans plusieurs espaces ({spaces}) : --namespace")
        return found[0]

    def all(self) -> list[Object]:
        """Every LocalApp: all may be read by everybody who works with the platform."""
        return list(self._api.items(self._api.resource(GROUP, KIND).path(), doing="lecture des LocalApp"))

    def organisations(self) -> dict[str, Object]:
        """Every organisation by code."""
        listed = self._api.items(self._api.resource(GROUP, "Organisation").path(), doing="lecture des organismes")
        return {str(one["spec"]["code"]): one for one in listed}

    def get(self, namespace: str, name: str) -> Object | None:
        """The LocalApp as it is now, or ``None``."""
        path = self._api.resource(GROUP, KIND).path(namespace, name)
        return self._api.get(path, doing=f"lecture de la LocalApp {namespace}/{name}")

    def migrate_again(self, instance: str) -> int:
        """Migration Jobs of an instance removed, so that the next pass makes them again; how many there were."""
        jobs, doing = self._api.resource("batch", "Job"), f"migrations de {instance}"
        labels = "app.kubernetes.io/component=migration,app.kubernetes.io/managed-by=amcloud"
        names = [one["metadata"]["name"] for one in self._api.items(jobs.path(instance), doing=doing, labels=labels)]
        for name in names:
            self._api.delete(jobs.path(instance, name), doing=doing)
        return len(names)

    def annotate(self, found: Object, annotations: Mapping[str, str]) -> None:
        """``found`` carries these annotations, besides its own."""
        metadata: Mapping[str, Any] = found["metadata"]
        path = self._api.resource(GROUP, KIND).path(metadata["namespace"], metadata["name"])
        doing = f"annotation de la LocalApp {metadata['namespace']}/{metadata['name']}"
        if self._api.patch(path, {"metadata": {"annotations": dict(annotations)}}, doing=doing) is None:
            raise InvalidManifestError(metadata["name"], "cette LocalApp n'existe plus")


def _meant(name: str, listed: list[Object]) -> str:
    names = sorted({str(one["metadata"]["name"]) for one in listed})
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f" ; vouliez-vous dire {' ou '.join(near)} ?" if near else " (kubectl get lapp -A)"
