"""Carries out what developers ask of their instances (``Command``): journals read, commands run, answers masked.

The operator's own rights do it, so that nobody needs any in an instance's namespace. Who may ask is RBAC's business: a
Command lies in the namespace of the owning organisation, and names applications of that namespace alone. At most
:data:`WORKERS` run at the same time, :data:`EACH` an organisation.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from amcloud.clients import pod_words, records
from amcloud.clients.cluster import KubernetesCluster
from amcloud.clients.journals import Journals
from amcloud.clients.kubernetes_api import Api, ConflictError
from amcloud.errors import AmcloudError, InvalidManifestError
from amcloud.settings import GROUP
from amcloud.stages.jobs import command
from amcloud.stages.jobs.command import Ask, Logs, Output, Run, Said
from amcloud.stages.objects.operations import Object
from amcloud.stages.render import CREDENTIALS

WORKERS: Final = 8
EACH: Final = 3
WAITING_MOST: Final = 200
LOOK_S: Final = 1.0
SWEEP_S: Final = 60.0
Key = tuple[str, str]

log = structlog.get_logger(__name__)


class Commands:
    """The requests of one cluster, each carried out once by a thread of its own."""

    def __init__(
        self,
        api: Api,
        *,
        chores: tuple[Callable[[], object], ...] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``chores`` are what else is done at each sweep, once a minute."""
        self._api = api
        self._chores = chores
        self._cluster = KubernetesCluster(api)
        self._now = now
        self._asked: queue.Queue[Key] = queue.Queue(WAITING_MOST)
        self._known: set[Key] = set()
        self._active: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def ask(self, namespace: str, name: str) -> None:
        """Carry out this request, unless that is under way; beyond the bound it waits for the next sweep."""
        with self._lock:
            if (namespace, name) in self._known:
                return
            try:
                self._asked.put_nowait((namespace, name))
            except queue.Full:
                return
            self._known.add((namespace, name))

    def start(self) -> None:
        """Workers and the sweeper run, until :meth:`stop`."""
        targets = [*((f"command-{n}", self._work) for n in range(WORKERS)), ("commands", self._sweep)]
        self._threads = [threading.Thread(target=target, name=name, daemon=True) for name, target in targets]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No request is begun any more; one under way is taken up again by the operator that follows."""
        self._stop.set()

    def carry_out(self, namespace: str, name: str) -> None:
        """One request from its reading to its answer.

        Raises:
            AmcloudError: the cluster did not let the answer be written.
        """
        found = self._get(namespace, name)
        if found is None or (found.get("status") or {}).get("completionTime"):
            return
        began = self._now()
        try:
            ask = command.parse(found)
        except InvalidManifestError as error:
            self._tell(namespace, name, command.status(Said.INVALID, str(error), Output(), began=began, ended=began))
            return
        try:
            refused = self._refusal(ask)
            if refused is not None:
                self._tell(namespace, name, command.status(*refused, Output(), began=began, ended=self._now()))
                return
            match ask.what:
                case Logs():
                    self._read(ask, ask.what, began)
                case Run():
                    self._run(ask, ask.what, began)
        except AmcloudError as error:
            ended = command.status(Said.UNAVAILABLE, str(error), Output(), began=began, ended=self._now())
            self._tell(namespace, name, ended)

    def sweep(self) -> None:
        """Requests that nobody answered yet are asked for; those answered long ago go."""
        path = self._api.resource(GROUP, "Command")
        for found in self._api.items(path.path(), doing="lecture des demandes"):
            key = found["metadata"]["namespace"], found["metadata"]["name"]
            if command.expired(found, now=self._now()):
                self._api.delete(path.path(*key), doing="suppression d'une demande ancienne")
            elif not (found.get("status") or {}).get("completionTime"):
                self.ask(*key)

    def sweep_jobs(self) -> None:
        """Jobs whose request is answered or gone go too: an operator that was killed left them."""
        jobs = self._api.resource("batch", "Job")
        for job in self._api.items(jobs.path(), doing="lecture des commandes", labels=command.JOBS):
            namespace, _, name = str((job["metadata"].get("annotations") or {}).get(command.ASKED, "")).partition("/")
            found = self._get(namespace, name) if namespace and name else None
            if found is None or (found.get("status") or {}).get("completionTime"):
                metadata = job["metadata"]
                self._api.delete(jobs.path(metadata["namespace"], metadata["name"]), doing="suppression d'une commande")

    def _read(self, ask: Ask, logs: Logs, began: datetime) -> None:
        journals = Journals(self._api, ask.instance, self._secrets(ask))
        output, until = Output(), time.monotonic() + (command.FOLLOWED_S if logs.follow else 0)
        self._emit(ask, Said.DONE, None, began)
        while True:
            pods = self._pods(ask, str(logs.component))
            fresh = journals.more(pods, lines=logs.lines, since_s=logs.since_s)
            over = time.monotonic() >= until or self._stop.is_set()
            if fresh or over or not output.text:
                output = output.added(fresh)
                said = Said.DONE if over else Said.RUNNING
                message = f"{len(pods)} réplique(s) lue(s)."
                ended = self._now() if over else None
                if not self._told(ask, command.status(said, message, output, began=began, ended=ended)) or over:
                    return
            elif self._get(ask.namespace, ask.name) is None:  # the reader left
                return
            self._stop.wait(LOOK_S)

    def _run(self, ask: Ask, run: Run, began: datetime) -> None:
        deployment = self._deployment(ask)
        assert deployment is not None
        jobs = self._api.resource("batch", "Job")
        name, doing = command.job_name(ask), f"lancement d'une commande dans {ask.instance}"
        with contextlib.suppress(ConflictError):  # begun before a restart of the operator
            self._api.create(jobs.path(ask.instance), command.job(deployment, ask, run), doing=doing)
        journals, output, last = Journals(self._api, ask.instance, self._secrets(ask), named=False), Output(), None
        try:
            while True:
                found = self._api.get(jobs.path(ask.instance, name), doing=doing)
                told = None if found is None else pod_words.with_refusal(self._api, found, now=self._now())
                pods = self._pods_of(ask, f"job-name={name}")
                at = command.progress(told, pods, now=self._now())
                fresh = journals.more(pods, lines=1000) if at.started else ""
                if fresh or at.over or at != last:
                    output, last = output.added(fresh), at
                    ended = self._now() if at.over else None
                    said = command.status(
                        at.reason, at.message, output, began=began, ended=ended, exit_code=at.exit_code
                    )
                    if at.over:
                        self._emit(ask, at.reason, at.exit_code, began)
                    if not self._told(ask, said) or at.over:
                        return
                elif self._get(ask.namespace, ask.name) is None:
                    self._emit(ask, Said.COMMAND_FAILED, None, began)
                    return
                if self._stop.wait(LOOK_S):
                    return
        finally:
            if not self._stop.is_set():
                self._api.delete(jobs.path(ask.instance, name), doing="suppression d'une commande finie")

    def _refusal(self, ask: Ask) -> tuple[Said, str] | None:
        local_app = self._cluster.local_app(ask.namespace, ask.app)
        owned = self._cluster.instance_owner(ask.instance) == f"{ask.namespace}/{ask.app}"
        return command.refusal(local_app, self._deployment(ask) if owned else None, ask)

    def _deployment(self, ask: Ask) -> Object | None:
        path = self._api.resource("apps", "Deployment").path(ask.instance, ask.app)
        return self._api.get(path, doing=f"lecture de l'instance {ask.instance}")

    def _secrets(self, ask: Ask) -> tuple[str, ...]:
        """Values of every Secret that the instance's containers may hold, and the passwords inside its addresses."""
        names = [CREDENTIALS]
        deployment = self._deployment(ask) or {"spec": {"template": {"spec": {"containers": []}}}}
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            names += [source["secretRef"]["name"] for source in container.get("envFrom") or () if "secretRef" in source]
        found: list[str] = []
        for name in names:
            path = self._api.resource("", "Secret").path(ask.instance, name)
            secret = self._api.get(path, doing=f"lecture des secrets de {ask.instance}")
            found += records.hidden(secret) if secret else ()
        return tuple(found)

    def _pods(self, ask: Ask, component: str) -> tuple[Object, ...]:
        return self._pods_of(ask, f"app.kubernetes.io/name={ask.app},app.kubernetes.io/component={component}")

    def _pods_of(self, ask: Ask, labels: str) -> tuple[Object, ...]:
        path = self._api.resource("", "Pod").path(ask.instance)
        listed = self._api.items(path, doing=f"liste des pods de {ask.instance}", labels=labels)
        return tuple(sorted(listed, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True))

    def _emit(self, ask: Ask, said: Said, exit_code: int | None, began: datetime) -> None:
        local_app = self._cluster.local_app(ask.namespace, ask.app)
        if local_app is not None:
            seconds = (self._now() - began).total_seconds()
            self._cluster.emit(local_app, command.event(ask, said, exit_code, seconds=seconds))

    def _told(self, ask: Ask, status: dict[str, Any]) -> bool:
        return self._tell(ask.namespace, ask.name, status)

    def _tell(self, namespace: str, name: str, status: dict[str, Any]) -> bool:
        """Whether somebody is still there to read the status."""
        path = self._api.resource(GROUP, "Command").path(namespace, name, "status")
        return self._api.patch(path, {"status": status}, doing="réponse à une demande") is not None

    def _get(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self._api.get(self._api.resource(GROUP, "Command").path(namespace, name), doing="lecture d'une demande")

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                key = self._asked.get(timeout=1.0)
            except queue.Empty:
                continue
            if not self._mine(key):
                self._stop.wait(LOOK_S)
                self._again(key)
                continue
            try:
                self.carry_out(*key)
            except AmcloudError as error:
                log.warning("command_unavailable", command="/".join(key), error=str(error))
            except Exception:
                log.exception("command_broken", command="/".join(key))
            finally:
                with self._lock:
                    self._known.discard(key)
                    self._active[key[0]] -= 1

    def _again(self, key: Key) -> None:
        """``key`` waits at the end; when the queue is full by now, the next sweep finds it."""
        try:
            self._asked.put_nowait(key)
        except queue.Full:
            with self._lock:
                self._known.discard(key)

    def _mine(self, key: Key) -> bool:
        """Whether the organisation's turn has come; then it counts as active."""
        with self._lock:
            if self._active[key[0]] >= EACH:
                return False
            self._active[key[0]] += 1
            return True

    def _sweep(self) -> None:
        while not self._stop.wait(SWEEP_S):
            for chore in (self.sweep, self.sweep_jobs, *self._chores):
                try:
                    chore()
                except AmcloudError as error:
                    log.warning("chore_unavailable", error=str(error))
                except Exception:
                    log.exception("chore_broken")
