"""A person's side of ``Command``: one is written in the organisation's namespace, its answer is read while it grows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from amcloud.clients.kubernetes_api import Api, ForbiddenError
from amcloud.errors import AmcloudError, UnavailableError
from amcloud.settings import GROUP
from amcloud.stages.objects.operations import Object

POLL_S: Final = 0.7
UNANSWERED_S: Final = 60.0


class NotYoursError(AmcloudError):
    """The caller has no right in the organisation that owns the application."""


class Errands:
    """Requests of one person, who is told apart by the cluster and named by ``who``."""

    def __init__(self, api: Api, who: str, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._who = who
        self._wait = wait
        self.last: Mapping[str, Any] = {}
        """Status as read last."""

    def answer(self, found: Object, stage: str, what: Mapping[str, Any]) -> Iterator[str]:
        """What is written while the request is carried out; :attr:`last` then says how it ended.

        The request goes with its reader, so that an interruption ends a command too.

        Raises:
            NotYoursError: the application belongs to another organisation.
            UnavailableError: the operator does not take the request up.
        """
        namespace, app = str(found["metadata"]["namespace"]), str(found["metadata"]["name"])
        resource = self._api.resource(GROUP, "Command")
        body = {
            "apiVersion": resource.api_version,
            "kind": "Command",
            "metadata": {"generateName": f"{app}-", "namespace": namespace},
            "spec": {"app": app, "stage": stage, "requestedBy": self._who, **what},
        }
        try:
            made = self._api.create(resource.path(namespace), body, doing=f"demande à {app}")
        except ForbiddenError as error:
            code = ((found.get("spec") or {}).get("owner") or {}).get("organisation", "?")
            raise NotYoursError(
                f"{app} est à l'organisme {code} (espace {namespace}), où vous n'avez pas ce droit. "
                f"Ses développeurs sont ceux du groupe amcloud:developpeurs:{code}."
            ) from error
        if made is None:
            raise UnavailableError(f"demande à {app} : l'espace {namespace} n'existe pas")
        path = resource.path(namespace, made["metadata"]["name"])
        try:
            yield from self._read(path)
        finally:
            with contextlib.suppress(AmcloudError):
                self._api.delete(path, doing="fin d'une demande")

    def _read(self, path: str) -> Iterator[str]:
        told, since = 0, time.monotonic()
        while True:
            found = self._api.get(path, doing="lecture d'une réponse")
            if found is None:
                raise UnavailableError("la demande a été supprimée avant d'avoir sa réponse")
            status = found.get("status") or {}
            self.last = status
            text, offset = str(status.get("output") or ""), int(status.get("outputOffset") or 0)
            if offset > told:
                yield f"… ({offset - told} caractères sautés)\n"
                told = offset
            if fresh := text[told - offset :]:
                yield fresh
                told += len(fresh)
            if status.get("completionTime"):
                return
            if not status and time.monotonic() - since > UNANSWERED_S:
                raise UnavailableError("l'opérateur ne prend pas la demande : tourne-t-il (amcloud doctor) ?")
            self._wait(POLL_S)
