"""Checks in worker processes of this machine: a few at a time, in the order in which they were asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from pathlib import Path
from typing import Final, Protocol

from amcloud.ports import UnderWay
from amcloud.stages.jobs.checking import Subject
from psram import worker
from psram.facts import Facts
from psram.model import Limits, Php
from psram.worker.protocol import Ask, Request
from psram.worker.store import FactCache

PATIENCE_S: Final = 5.0
"""Seconds that a pass waits for a check: most end sooner, and a longer one must not hold up other applications."""
AGAIN_S: Final = 2.0
KEPT_S: Final = 600.0
"""Seconds after which facts that nobody came back for are dropped."""


class Commits(Protocol):
    """Where commits are read."""

    def fetch(self, project: str, commit: str, token: str | None) -> Path:
        """A bare repository that holds the commit."""


class ProcessChecks:
    """Reads commits, at most ``processes`` at the same time; a commit asked for twice is read once."""

    def __init__(
        self,
        commits: Commits,
        *,
        php: Php,
        limits: Limits,
        processes: int,
        contents: FactCache | None = None,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commits = commits
        self._php = php
        self._limits = limits
        self._contents = contents
        self._patience_s = patience_s
        self._clock = clock
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="check")
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], tuple[Future[Facts], float]] = {}

    @property
    def goes_on(self) -> bool:
        """The mirror and the cache of contents know what was read before."""
        return self._contents is not None

    def facts(self, subject: Subject) -> Facts | UnderWay:
        """Facts of the commit; under way when they take longer than a pass should wait.

        Raises:
            RepositoryRefusedError: the commit cannot be fetched within bounds.
        """
        key = subject.project, subject.commit
        with self._lock:
            self._forget_old()
            if key not in self._asked:
                self._asked[key] = self._pool.submit(self._read, subject), self._clock()
            future = self._asked[key][0]
        try:
            found = future.result(self._patience_s)
        except NotYetError:
            if not future.done():
                return UnderWay("Les sources sont en cours de contrôle.", AGAIN_S)
            found = future.result()
        finally:
            if future.done():
                with self._lock:
                    self._asked.pop(key, None)
        return found

    def _read(self, subject: Subject) -> Facts:
        """Facts read now. "Could not find out" is an answer: the report says so, and blocks."""
        repository = self._commits.fetch(subject.project, subject.commit, subject.token)
        request = Request(
            ask=Ask.COMMIT, path=str(repository), commit=subject.commit, php=self._php, limits=self._limits
        )
        answer = worker.run(request, cache=self._contents)
        unread = answer.problem or answer.usage or "analyse sans réponse"
        return answer.facts or Facts(commit=subject.commit, tree="", truncated=unread)

    def _forget_old(self) -> None:
        now = self._clock()
        for key, (future, asked_at) in list(self._asked.items()):
            if future.done() and now - asked_at > KEPT_S:
                del self._asked[key]
