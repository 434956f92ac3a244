"""Turns events into passes: what is known of the fleet, who is asked for again, and the threads that carry passes out.

A pass waits mostly on the network, so threads do; nothing here knows Kopf or HTTP.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from amcloud import errors, metrics
from amcloud.ports import World
from amcloud.reconcile import Next, publish_broken, reconcile
from amcloud.stages.objects.operations import Object
from amcloud.stages.report import Ended, StageOutcome, sentence
from amcloud.workqueue import Key, WorkQueue

STUCK_S = 1800.0
"""A pass that lasts longer than this will never end: every call within it has a shorter time-out."""
SPREAD_S = 0.02
"""Seconds between two applications when all of them are asked for again."""

log = structlog.get_logger(__name__)

Pass = Callable[[Object, World, Sequence[Object]], Next]


class Dispatcher:
    """The fleet as the operator knows it, and its workers."""

    def __init__(self, world: World, *, queue: WorkQueue | None = None, run: Pass = reconcile) -> None:
        self.world = world
        self.queue = queue or WorkQueue()
        self._run = run
        self._lock = threading.Lock()
        self._project: dict[Key, str] = {}
        self._keys: defaultdict[str, set[Key]] = defaultdict(set)
        self._calls: dict[Key, frozenset[str]] = {}
        self._aliases: dict[Key, str] = {}
        """The path that a project has on the forge, where the manifest says another one."""
        self._causes: dict[Key, str] = {}
        self._said: dict[tuple[Key, str], tuple[object, ...]] = {}
        self._leaking: set[tuple[Key, str]] = set()
        """The stages of which the probe that ran last saw a leak, whatever their pass spoke of."""
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._marks: dict[str, str] = {}
        """What branches and tags of a project were at the poller's last look."""
        self._looked_at: datetime | None = None
        self._since = world.clock.now()
        self._chance = random.Random()  # noqa: S311 - spreads load, protects nothing

    def know(self, key: Key, project: str, connectors: frozenset[str] = frozenset()) -> None:
        """``key`` exists, follows ``project`` (``""`` for none) and calls these connectors."""
        with self._lock:
            alias = self._aliases.get(key, "") if self._project.get(key) == project else ""
            self._drop(key)
            if connectors:
                self._calls[key] = connectors
            self._project[key] = project
            if project:
                self._keys[project.casefold()].add(key)
            if alias:
                self._aliases[key] = alias
                self._keys[alias].add(key)
            metrics.APPLICATIONS.set(len(self._project))

    def forget(self, key: Key) -> None:
        """``key`` exists no longer; what it held, others may have."""
        with self._lock:
            project = self._project.get(key, "")
            self._drop(key)
            self._causes.pop(key, None)
            self._said = {of: words for of, words in self._said.items() if of[0] != key}
            self._leaking = {of for of in self._leaking if of[0] != key}
            metrics.APPLICATIONS.set(len(self._project))
        self.queue.forget(key)
        if project:
            self.ask_project(project)

    def ask(self, key: Key) -> None:
        """A pass over ``key`` is wanted now."""
        self.queue.add(key)

    def ask_project(
        self, project: str, *, cause: str = "", after_s: float = 0.0, urgent: bool = False
    ) -> tuple[Key, ...]:
        """A pass is wanted over every application of a forge project within ``after_s``; which ones these are.

        ``cause`` names what asked for it. ``urgent`` ones come before those that wait for their turn: somebody pushed.
        """
        with self._lock:
            keys = tuple(sorted(self._keys.get(project.casefold(), ())))
            if cause:
                self._causes = dict.fromkeys(keys, cause) | self._causes  # the first of several is what began it
        for key in keys:
            self.queue.add(key, after_s=after_s, urgent=urgent)
        return keys

    def ask_callers(self, connector: str) -> tuple[Key, ...]:
        """A pass is wanted over every application that calls this connector; which ones these are."""
        with self._lock:
            keys = tuple(sorted(key for key, called in self._calls.items() if connector in called))
        for key in keys:
            self.queue.add(key, after_s=self._chance.uniform(0, SPREAD_S * len(keys)))
        return keys

    def ask_all(self) -> None:
        """A pass is wanted over every application, soon; spread out, so that a push is not held up."""
        with self._lock:
            keys = list(self._project)
        for key in keys:
            self.queue.add(key, after_s=self._chance.uniform(0, SPREAD_S * len(keys)))

    def reasons(self) -> Counter[tuple[str, str]]:
        """How many stages there are by name and by the reason of their last pass."""
        with self._lock:
            return Counter((stage, str(words[2])) for (_, stage), words in self._said.items())

    @property
    def leaking(self) -> int:
        """How many stages leak between organisations, as far as a probe saw."""
        with self._lock:
            return len(self._leaking)

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
        """Ask for the applications of the projects that moved since the last look; which projects these are.

        The forge says which were active, generously: only those whose branches and tags are others get a pass.
        """
        now = self.world.clock.now()
        projects = self.world.forge.active_projects(self._looked_at or now)
        self._looked_at = now
        moved = [project for project in sorted(projects) if self._moved(project)]
        for project in moved:
            self.ask_project(project, urgent=True)
        return moved

    def _moved(self, project: str) -> bool:
        """Whether a project that is followed has other branches or tags than at the last look."""
        with self._lock:
            if project.casefold() not in self._keys:
                return False
        try:
            mark = self.world.source.mark(project)
        except errors.UnavailableError:
            return False  # it stays among the active ones for an hour, and has its pass in any case
        except errors.AmcloudError:
            return True  # the pass has the organisation's own credential, and says what is wrong
        before, self._marks[project] = self._marks.get(project), mark
        return before != mark

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _also_known_as(self, key: Key, project: str) -> None:
        """``key`` is asked for under this path of its project too."""
        with self._lock:
            if key in self._project:
                self._leave(key, self._aliases.get(key, ""))
                self._aliases[key] = project.casefold()
                self._keys[project.casefold()].add(key)

    def _drop(self, key: Key) -> None:
        self._calls.pop(key, None)
        self._leave(key, self._aliases.pop(key, ""))
        self._leave(key, self._project.pop(key, "").casefold())

    def _leave(self, key: Key, project: str) -> None:
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
        with self._lock:
            cause = self._causes.pop(key, "") or uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(app=str(key), cause=cause)
        try:
            found = self.world.cluster.local_app(key.namespace, key.name)
            gone = found is None
            if found is not None:
                after = self._guarded(found, replace(self.world, cause=cause), self._others(key))
                self._tell(key, after.outcomes)
            result = "gone" if gone else "troubled" if after.troubled else "done"
        except errors.AmcloudError as error:
            result, after = "unavailable", Next(getattr(error, "retry_after_s", None), troubled=True)
            log.warning("pass_unavailable", error=str(error))
        except Exception:
            result, after = "broken", Next(troubled=True)
            log.exception("pass_broken")
        finally:
            self._give_back(key, after, gone=gone)
            metrics.PASSES.labels(result).inc()
            metrics.PASS_SECONDS.observe(time.monotonic() - began)
            log.debug("pass", result=result, seconds=round(time.monotonic() - began, 3))
            structlog.contextvars.unbind_contextvars("app", "cause")

    def _others(self, key: Key) -> tuple[Object, ...]:
        """The other LocalApps that follow the forge project of ``key``; mostly none."""
        with self._lock:
            project = self._project.get(key, "").casefold()
            keys = sorted(self._keys.get(project, set()) - {key}) if project else []
        found = (self.world.cluster.local_app(other.namespace, other.name) for other in keys)
        return tuple(one for one in found if one is not None)

    def _tell(self, key: Key, outcomes: Sequence[StageOutcome]) -> None:
        """One line a stage decision: at ``info`` when it is news, at ``debug`` when the last pass decided the same."""
        for outcome in outcomes:
            words = (outcome.commit, outcome.ended, outcome.reason, sentence(outcome))
            with self._lock:
                before = self._said.get((key, outcome.stage))
                news = before != words
                self._said[key, outcome.stage] = words
                if outcome.isolation is not None:
                    (self._leaking.add if outcome.leaks else self._leaking.discard)((key, outcome.stage))
            self._measure(outcome, before)
            say = log.info if news else log.debug
            if outcome.renamed:
                self._also_known_as(key, outcome.renamed)
            said = {
                "correlation": outcome.correlation,
                "stage": outcome.stage,
                "commit": outcome.commit,
                "decision": outcome.ended,
                "reason": outcome.reason,
            }
            say("stage_decision", **said, sentence=sentence(outcome))

    def _measure(self, outcome: StageOutcome, before: tuple[object, ...] | None) -> None:
        """How long a commit took to come to serve, when this operator saw it from its first moment on."""
        if outcome.ended is not Ended.SERVING or outcome.seen_at is None or outcome.seen_at < self._since:
            return
        if before is not None and before[0] == outcome.commit and before[1] is not Ended.SERVING:
            taken_s = (self.world.clock.now() - outcome.seen_at).total_seconds()
            metrics.DELIVERY_SECONDS.labels(outcome.stage.value).observe(taken_s)

    def _guarded(self, found: Object, world: World, others: Sequence[Object]) -> Next:
        """The pass; an error that nobody foresaw is told on the LocalApp too."""
        try:
            return self._run(found, world, others)
        except errors.AmcloudError:
            raise
        except Exception as error:
            with contextlib.suppress(errors.AmcloudError):
                publish_broken(found, error, world)
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
                metrics.LAST_POLL.set_to_current_time()
                log.debug("poll", projects=len(list(projects)))
            except errors.AmcloudError as error:
                metrics.POLLS.labels("unavailable").inc()
                log.warning("poll_unavailable", error=str(error))
            except Exception:
                metrics.POLLS.labels("broken").inc()
                log.exception("poll_broken")
