"""Suspensions as people write them: the DDSI's is an object of its own, an organisation's stands in its LocalApp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from amcloud.clients.kubernetes_api import APPLY_PATCH, Api, ForbiddenError
from amcloud.errors import InvalidManifestError
from amcloud.settings import GROUP
from amcloud.stages.declared.app import Authority
from amcloud.stages.objects.operations import Object

MANAGER: Final = "amcloud-suspend"
FIELDS: Final = ("reason", "author", "until", "service")


class Suspensions:
    """The suspensions that the caller may see, and those that they may change."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def of(self, found: Object) -> dict[Authority, Mapping[str, Any]]:
        """What is written on one application, by whom; in force or not."""
        own = (found.get("spec") or {}).get("suspend")
        other = self._api.get(self._path(found), doing="lecture de la suspension")
        written = {Authority.ORGANISATION: own, Authority.DDSI: (other or {}).get("spec")}
        return {by: dict(spec) for by, spec in written.items() if spec}

    def suspend(self, found: Object, spec: Mapping[str, Any]) -> Authority:
        """Write a suspension, as the DDSI where the caller may, else as the organisation; as which it was written.

        Raises:
            ForbiddenError: the caller may do neither.
        """
        resource = self._api.resource(GROUP, "Suspension")
        name, namespace = found["metadata"]["name"], found["metadata"]["namespace"]
        body = {
            "apiVersion": resource.api_version,
            "kind": "Suspension",
            "metadata": {"name": name, "namespace": namespace},
            "spec": dict(spec),
        }
        params, doing = {"fieldManager": MANAGER, "force": "true"}, f"suspension de {name}"
        try:
            known = self._api.get(self._path(found), doing=doing)
            if known is not None and known["spec"].get("author") != spec.get("author"):
                self._api.delete(self._path(found), doing=doing)  # an author does not change
            self._api.patch(self._path(found), body, doing=doing, kind=APPLY_PATCH, params=params)
        except ForbiddenError:
            self._write(found, dict(spec))
            return Authority.ORGANISATION
        return Authority.DDSI

    def lift(self, found: Object) -> tuple[list[Authority], list[Authority]]:
        """(whose suspension was lifted, whose the caller may not lift)."""
        lifted, left = [], []
        for by in self.of(found):
            try:
                match by:
                    case Authority.DDSI:
                        self._api.delete(self._path(found), doing="levée de la suspension")
                    case Authority.ORGANISATION:
                        self._write(found, None)
                lifted.append(by)
            except ForbiddenError:
                left.append(by)
        return lifted, left

    def _write(self, found: Object, spec: Mapping[str, Any] | None) -> None:
        metadata = found["metadata"]
        path = self._api.resource(GROUP, "LocalApp").path(metadata["namespace"], metadata["name"])
        # a merge patch keeps what it does not name: every field is, so that two suspensions never mix
        whole = None if spec is None else {name: spec.get(name) for name in FIELDS}
        if self._api.patch(path, {"spec": {"suspend": whole}}, doing=f"suspension de {metadata['name']}") is None:
            raise InvalidManifestError(str(metadata["name"]), "cette LocalApp n'existe plus")

    def _path(self, found: Object) -> str:
        metadata = found["metadata"]
        return self._api.resource(GROUP, "Suspension").path(metadata["namespace"], metadata["name"])
