"""Reads contents in disposable processes: one for few of them, two for many. A content that kills is found out alone.

The answer depends neither on how many processes there were nor on which one read what: each content is read for itself.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Final

from psram.errors import CollectError
from psram.worker.messages import Done, Item, Job, Setup
from psram.worker.nursery import Nursery
from psram.worker.process import Process

MANY: Final = 200
"""From so many contents on, two processes are faster than one."""
MAX_HOSTILE: Final = 20
_JOB_ITEMS: Final = 64
_LEAST_ITEMS: Final = 8
_SHARES: Final = 6
_JOB_BYTES: Final = 2 * 1024 * 1024
_HEAVY_BYTES: Final = 128 * 1024
"""From so many bytes on, a content is read alone, and no two such at a time: a tree takes up to 120 bytes for each."""
_AHEAD: Final = 2
Sized = tuple[Item, int]


class Pool:
    """The processes of one reading, born of one nursery, which ends with them.

    :meth:`begin`, then :meth:`plan` as often as there is more to read, then :meth:`results`. To be used in a ``with``.
    """

    def __init__(self, nursery: Nursery | None = None) -> None:
        self._nursery = nursery or Nursery()
        self._setup: Setup | None = None
        self._processes: list[Process] = []
        self._selector = selectors.DefaultSelector()
        self._heavy: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self._numbers = 0
        self.hostile: set[str] = set()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for process in self._processes:
            process.end()
        self._processes.clear()
        self._nursery.end()
        self._selector.close()

    def stop(self) -> None:
        """Nothing more is read: all processes die, though they may still be dying; what they found stays."""
        for process in self._processes:
            process.kill()
        self._nursery.close()

    @property
    def begun(self) -> bool:
        """Whether it was told where to read."""
        return self._setup is not None

    def begin(self, setup: Setup, *, processes: int) -> None:
        """Say where to read, with so many processes.

        Raises:
            CollectError: no process starts.
        """
        self._setup = setup
        for _ in range(processes):
            self._add()

    def plan(self, contents: Sequence[Sized], composer: tuple[Item | None, Item | None] | None = None) -> None:
        """Have these contents read, beginning at once; the biggest first, while least is known of the others."""
        big = [each for each in contents if each[1] >= _HEAVY_BYTES]
        for item, _size in sorted(big, key=lambda each: -each[1]):
            self._put(Job(self._next(), (item,), heavy=True))
        if composer is not None:
            self._put(Job(self._next(), composer=composer))
        for items in _batches([each for each in contents if each[1] < _HEAVY_BYTES] if big else contents):
            self._put(Job(self._next(), items))
        self._feed()

    def results(self, *, advanced: Callable[[int], None]) -> Iterator[Done]:
        """What each job gave, in no order; ids of contents that kill their process are in :attr:`hostile` afterwards.

        ``advanced`` is told how many contents are done more.

        Raises:
            CollectError: too many contents are hostile, or time is over.
        """
        deadline = time.monotonic() + self._asked.timeout_s
        while self._left or any(process.jobs for process in self._processes):
            self._feed()
            left = deadline - time.monotonic()
            ready = self._selector.select(left) if left > 0 else []
            if not ready:
                raise CollectError(f"l'analyse a été arrêtée après {self._asked.timeout_s:.0f} s")
            for key, _events in ready:
                for done in self._heard(key.data):
                    advanced(len(done.found))
                    yield done

    @property
    def _asked(self) -> Setup:
        assert self._setup is not None
        return self._setup

    @property
    def _left(self) -> bool:
        return bool(self._heavy or self._waiting)

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _put(self, job: Job) -> None:
        (self._heavy if job.heavy else self._waiting).append(job)

    def _put_back(self, job: Job) -> None:
        (self._heavy if job.heavy else self._waiting).appendleft(job)

    def _taken(self, process: Process) -> Job | None:
        """What this process reads next: of the heavy jobs when no other process has one."""
        others = (job for other in self._processes if other is not process for job in other.jobs)
        if self._heavy and not any(job.heavy for job in others):
            return self._heavy.popleft()
        return self._waiting.popleft() if self._waiting else None

    def _add(self) -> None:
        try:
            process = Process(self._nursery)
        except OSError as error:
            raise CollectError(f"l'analyse ne peut pas démarrer ({error.strerror})") from error
        process.begin(self._asked)
        self._processes.append(process)
        self._selector.register(process, selectors.EVENT_READ, process)

    def _remove(self, process: Process) -> None:
        self._selector.unregister(process)
        self._processes.remove(process)
        process.end()

    def _feed(self) -> None:
        for process in list(self._processes):
            if process.tired and not process.jobs and self._left:
                self._remove(process)
                self._add()
        for process in self._processes:
            while len(process.jobs) < _AHEAD and not process.tired and (job := self._taken(process)) is not None:
                process.give(job)

    def _heard(self, process: Process) -> list[Done]:
        if process not in self._processes:
            return []
        done = process.received()
        if done is not None:
            return done
        self._died(process)
        return []

    def _died(self, process: Process) -> None:
        """Plan anew what a dead process had to do; the content that it died of is read alone, or is hostile."""
        place = process.at_work_on()
        jobs = list(process.jobs)
        self._remove(process)
        if not jobs:
            raise CollectError("l'analyse s'est interrompue")
        first, *others = jobs
        if first.composer is not None or len(first.items) == 1:
            if place is None:  # it died before it began: not of this content
                megabytes = self._asked.memory_bytes // 1024 // 1024
                raise CollectError(f"l'analyse s'est interrompue (plus de {megabytes} Mio de mémoire, ou une panne)")
            self._condemn(first)
        else:
            cut = place if place is not None and place < len(first.items) else len(first.items) // 2
            parts = (first.items[:cut], first.items[cut : cut + 1], first.items[cut + 1 :])
            for part in parts:
                if part:
                    self._put_back(Job(self._next(), part))
        for job in reversed(others):
            self._put_back(job)
        if self._left:
            self._add()

    def _condemn(self, job: Job) -> None:
        self.hostile.update(item.blob for item in job.items)
        self.hostile.update(item.blob for item in job.composer or () if item is not None)
        if len(self.hostile) > MAX_HOSTILE:
            raise CollectError(f"plus de {MAX_HOSTILE} fichiers arrêtent l'analyse (trop de calcul ou de mémoire)")


def _batches(contents: Sequence[Sized]) -> Iterator[tuple[Item, ...]]:
    """The contents in their order, so many and so big together at most; less towards the end, where one would wait."""
    batch: list[Item] = []
    held, left = 0, len(contents)
    for item, size in contents:
        most = max(_LEAST_ITEMS, min(_JOB_ITEMS, left // _SHARES))
        if batch and (len(batch) >= most or held + size > _JOB_BYTES):
            yield tuple(batch)
            left -= len(batch)
            batch, held = [], 0
        batch.append(item)
        held += size
    if batch:
        yield tuple(batch)
