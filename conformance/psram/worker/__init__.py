"""The only place of the engine that starts programs: git, PHP, and the disposable processes that read contents.

``run(request)`` answers a :class:`psram.worker.protocol.Request`. Contents of a repository are read by child processes
with bounds (:mod:`psram.worker.reader`); listing, judging and the cache of facts are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psram.worker.nursery import Nursery
    from psram.worker.protocol import Answer, Progress, Request
    from psram.worker.store import FactCache


def run(
    request: Request,
    *,
    cache: FactCache | None = None,
    progress: Callable[[Progress], None] | None = None,
    processes: int | None = None,
    nursery: Nursery | None = None,
) -> Answer:
    """The answer; never raises because of what the repository contains, a refusal is an answer as well.

    ``cache`` keeps facts of contents between runs (none without it: all is read again). ``progress`` is told of the
    steps in the caller's thread. ``processes`` fixes how many read; by default two for many contents, else one.
    ``nursery``: where they are born, when it was begun ahead of the question; it ends with the reading.
    """
    from psram.worker import running

    return running.run(request, cache=cache, progress=progress, processes=processes, nursery=nursery)
