"""Walks over the routes of a revision, as Jobs beside its instance (:class:`amcloud.ports.Walks`).

A revision is walked before it serves, whatever it takes; one that serves already is walked again from time to time, as
many at once as checks may be. What was seen is remembered in the instance's namespace.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from amcloud.clients.kubernetes_api import APPLY_PATCH, Api, ConflictError
from amcloud.errors import UnavailableError
from amcloud.ports import UnderWay
from amcloud.settings import FIELD_MANAGER, Settings
from amcloud.stages.jobs import walk_job
from amcloud.stages.jobs.walk_job import COMPONENT, MEMORY, Seen, Subject
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import Access, Place
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.walk import Walk

OF_WALKS: Final = f"app.kubernetes.io/component={COMPONENT},app.kubernetes.io/managed-by={FIELD_MANAGER}"
UNSET: Final = (
    "les routes ne sont pas parcourues : l'image de l'opérateur n'est pas connue (AMCLOUD_POD ou AMCLOUD_CHECK_IMAGE)"
)
_UNDER_WAY: Final = UnderWay("La sonde d'isolation parcourt les routes de cette révision.", walk_job.POLL_S)


class Trials(Protocol):
    """Databases made for a walk."""

    def make(self, place: Place, access: Access) -> str:
        """Name of a fresh one."""

    def seen(self, place: Place) -> Isolation:
        """What the SQL probe sees in it."""

    def remove(self, instance: str) -> None:
        """That of the instance with this database is gone."""


class WalkJobs:
    """Walks revisions in Jobs. ``templates`` are those of a walk, ``hosting`` those of instances, for their sizes."""

    def __init__(
        self,
        api: Api,
        settings: Settings,
        trials: Trials,
        *,
        templates: Mapping[str, str],
        hosting: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._api, self._settings, self._trials = api, settings, trials
        self._templates, self._hosting, self._now = templates, hosting, now
        self._known: dict[str, dict[str, Seen]] = {}
        self._image = settings.check_image
        self._lock = threading.Lock()

    def walk(self, subject: Subject, access: Access, *, serving: bool) -> Isolation | UnderWay:
        """What was seen of the revision; under way before its first walk is over.

        With ``serving``, the walk waits for its turn among those of other instances.

        Raises:
            BrokenInstallationError: the cluster or the database refuses it for good.
        """
        known = self._remembered(subject.place)
        seen = known.get(subject.key)
        if seen and seen.fresh(self._now(), every_s=self._settings.walk_s, instance=subject.place.namespace):
            return seen.told
        if not self._own_image():
            return Isolation(walk=Walk(problem=UNSET))
        found = self._carried_on(subject, access, waits=serving)
        if isinstance(found, UnderWay):
            return seen.told if seen else found
        made = Seen(found, self._now())
        self._remember(subject, {**known, subject.key: made})
        return made.told

    def end(self, database: str) -> None:
        """Nothing is left on the database server of a walk of that instance."""
        self._trials.remove(database)

    def _carried_on(self, subject: Subject, access: Access, *, waits: bool) -> Isolation | UnderWay:
        place, name, mine = subject.place, subject.name, None
        for job in self._list("Job", place.namespace, OF_WALKS):
            if job["metadata"]["name"] == name and not job["metadata"].get("deletionTimestamp"):
                mine = job
            else:
                self._remove(place, job["metadata"]["name"])
        if mine is None:
            return self._start(subject, access, waits=waits)
        pods = tuple(self._list("Pod", place.namespace, f"job-name={name}"))
        over = walk_job.ended(mine, pods, now=self._now())
        if over is None:
            return _UNDER_WAY
        tables = () if over.problem else self._trials.seen(place).tables
        self._remove(place, name)
        self._trials.remove(place.database)
        return Isolation(tables, over)

    def _start(self, subject: Subject, access: Access, *, waits: bool) -> UnderWay:
        place, image = subject.place, self._own_image()
        if waits and len(self._list("Job", "", OF_WALKS)) >= self._settings.check_jobs:
            return _UNDER_WAY
        made = walk_job.trial_access(access, self._trials.make(place, access))
        self._apply(walk_job.secret(subject, made))
        variables = self._variables(subject)
        job = walk_job.job(subject, variables, image, templates=self._templates, hosting=self._hosting)
        try:
            if self._api.create(self._path("Job", place.namespace), job, doing="lancement de la sonde") is None:
                raise UnavailableError(f"lancement de la sonde : l'espace {place.namespace} n'existe pas")
        except ConflictError:
            return _UNDER_WAY  # one that is still being removed
        return _UNDER_WAY

    def _variables(self, subject: Subject) -> list[str]:
        """The names that the application's own Secrets define, without their values."""
        found = (self._get("Secret", subject.place.namespace, name) for name in subject.app.hosting.secrets)
        return [variable for secret in found for variable in (secret or {}).get("data") or {}]

    def _remembered(self, place: Place) -> dict[str, Seen]:
        with self._lock:
            known = self._known.get(place.namespace)
        if known is None:
            known = walk_job.remembered(self._get("ConfigMap", place.namespace, MEMORY))
            with self._lock:
                self._known[place.namespace] = known
        return known

    def _remember(self, subject: Subject, known: dict[str, Seen]) -> None:
        self._apply(walk_job.memory(subject, known))
        with self._lock:
            self._known.pop(subject.place.namespace, None)

    def _own_image(self) -> str:
        """The operator's image, which holds the walker: as the settings say, else that of the pod which this is."""
        if not self._image and self._settings.pod:
            pod = self._get("Pod", self._settings.namespace, self._settings.pod)
            containers = ((pod or {}).get("spec") or {}).get("containers") or [{}]
            self._image = str(containers[0].get("image") or "")
        return self._image

    def _remove(self, place: Place, name: str) -> None:
        for kind in ("Job", "Secret"):
            self._api.delete(self._path(kind, place.namespace, name), doing=f"fin de la sonde {name}")

    def _apply(self, desired: Object) -> None:
        metadata, kind = desired["metadata"], desired["kind"]
        doing = f"application de {kind} « {metadata['name']} »"
        path, params = self._path(kind, metadata["namespace"], metadata["name"]), {"fieldManager": FIELD_MANAGER}
        if self._api.patch(path, desired, doing=doing, kind=APPLY_PATCH, params={**params, "force": "true"}) is None:
            raise UnavailableError(f"{doing} : son espace n'existe pas")

    def _list(self, kind: str, namespace: str, labels: str) -> list[Object]:
        return list(self._api.items(self._path(kind, namespace), doing="liste des sondes en cours", labels=labels))

    def _get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self._api.get(self._path(kind, namespace, name), doing=f"lecture de {kind} « {name} »")

    def _path(self, kind: str, namespace: str, name: str = "") -> str:
        return self._api.resource("batch" if kind == "Job" else "", kind).path(namespace, name)
