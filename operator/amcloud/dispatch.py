"""Turns events into passes: what is known of the fleet, who is asked for again, and the threads that carry passes out.

A pass waits mostly on the network, so threads do; nothing here knows Kopf or HTTP.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from amcloud import errors, metrics
from amcloud.ports import World
from amcloud.reconcile import Next, publish_broken, reconcile
from amcloud.stages.render import Object
from amcloud.workqueue import Key, WorkQueue

STUCK_S = 1800.0
"""A pass that lasts longer than this will never end: every call within it has a shorter time-out."""
SPREAD_S = 0.02
"""Seconds between two applications when all of them are asked for again."""

log = structlog.get_logger(__name__)


class Dispatcher:
    """The fleet as the operator knows it, and its workers."""

    def __init__(
        self, world: World, *, queue: WorkQueue | None = None, run: Callable[[Object, World], Next] = reconcile
    ) -> None:
        self.world = world
        self.queue = queue or WorkQueue()
        self._run = run
        self._lock = threading.Lock()
        self._project: dict[Key, str] = {}
        self._keys: defaultdict[str, set[Key]] = defaultdict(set)
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._looked_at: datetime | None = None
        self._chance = random.Random()  # noqa: S311 - spreads load, protects nothing

    def know(self, key: Key, project: str) -> None:
        """``key`` exists and follows ``project`` (``""`` for none)."""
        with self._lock:
            self._drop(key)
            self._project[key] = project
            if project:
                self._keys[project.casefold()].add(key)
            metrics.APPLICATIONS.set(len(self._project))

    def forget(self, key: Key) -> None:
        """``key`` exists no longer."""
        with self._lock:
            self._drop(key)
            metrics.APPLICATIONS.set(len(self._project))
        self.queue.forget(key)

    def ask(self, key: Key) -> None:
        """A pass over ``key`` is wanted now."""
        self.queue.add(key)

    def ask_project(self, project: str) -> tuple[Key, ...]:
        """A pass is wanted over every application of a forge project; which ones these are."""
        with self._lock:
            keys = tuple(sorted(self._keys.get(project.casefold(), ())))
        for key in keys:
            self.queue.add(key)
        return keys

    def ask_all(self) -> None:
        """A pass is wanted over every application, soon; spread out, so that a push is not held up."""
        with self._lock:
            keys = list(self._project)
        for key in keys:
            self.queue.add(key, after_s=self._chance.uniform(0, SPREAD_S * len(keys)))

    def start(self) -> None:
        """Workers and the poller run, until :meth:`stop`."""
        for number in range(self.world.settings.workers):
            self._thread(f"pass-{number}", self._work)
        self._thread("poller", self._poll)

    def stop(self, *, timeout_s: float) -> None:
        """No new pass begins; those under way get ``timeout_s`` seconds to end."""
        self._stop.set()
        self.queue.close()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def ailment(self) -> str:
        """Why the operator makes no progress, or ``""``."""
        if any(not thread.is_alive() for thread in self._threads):
            return "un fil d'exécution s'est arrêté"
        if self.queue.longest_pass_s > STUCK_S:
            return f"un passage dure depuis plus de {STUCK_S:.0f} s"
        return ""

    def poll_once(self) -> Iterable[str]:
        """Ask for the applications whose project was active since the last look; which projects these are."""
        now = self.world.clock.now()
        projects = self.world.forge.active_projects(self._looked_at or now)
        self._looked_at = now
        for project in projects:
            self.ask_project(project)
        return projects

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _drop(self, key: Key) -> None:
        project = self._project.pop(key, "").casefold()
        self._keys[project].discard(key)
        if not self._keys[project]:
            del self._keys[project]

    def _work(self) -> None:
        while (key := self.queue.take()) is not None:
            self.one_pass(key)

    def one_pass(self, key: Key) -> None:
        """One pass over ``key``, which was taken from the queue; whatever happens, it is given back."""
        began = time.monotonic()
        result, after = "done", Next()
        gone = False
        try:
            found = self.world.cluster.local_app(key.namespace, key.name)
            gone = found is None
            if found is not None:
                after = self._guarded(found)
            result = "gone" if gone else "troubled" if after.troubled else "done"
        except errors.AmcloudError as error:
            result, after = "unavailable", Next(getattr(error, "retry_after_s", None), troubled=True)
            log.warning("pass_unavailable", app=str(key), error=str(error))
        except Exception:
            result, after = "broken", Next(troubled=True)
            log.exception("pass_broken", app=str(key))
        finally:
            self._give_back(key, after, gone=gone)
            metrics.PASSES.labels(result).inc()
            metrics.PASS_SECONDS.observe(time.monotonic() - began)
        log.debug("pass", app=str(key), result=result, seconds=round(time.monotonic() - began, 3))

    def _guarded(self, found: Object) -> Next:
        """The pass; an error that nobody foresaw is told on the LocalApp too."""
        try:
            return self._run(found, self.world)
        except errors.AmcloudError:
            raise
        except Exception as error:
            with contextlib.suppress(errors.AmcloudError):
                publish_broken(found, error, self.world)
            raise

    def _give_back(self, key: Key, after: Next, *, gone: bool) -> None:
        if gone:
            self.queue.finish(key)
            return
        resync_s = self.world.settings.resync_s
        after_s = min(after.after_s, resync_s) if after.after_s is not None else resync_s
        if after.troubled and after.after_s is None:
            after_s = 0.0  # the queue's own backoff decides
        self.queue.done(key, after_s=after_s, troubled=after.troubled)

    def _poll(self) -> None:
        while not self._stop.wait(self.world.settings.poll_s * self._chance.uniform(0.9, 1.1)):
            try:
                projects = self.poll_once()
                metrics.POLLS.labels("done").inc()
                log.debug("poll", projects=len(list(projects)))
            except errors.AmcloudError as error:
                metrics.POLLS.labels("unavailable").inc()
                log.warning("poll_unavailable", error=str(error))
            except Exception:
                metrics.POLLS.labels("broken").inc()
                log.exception("poll_broken")
