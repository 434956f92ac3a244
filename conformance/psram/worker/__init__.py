"""The only place of the engine that starts programs: git, PHP, and the disposable process that reads a repository.

``run(request)`` answers a :class:`psram.worker.protocol.Request` from such a process (``python -m psram.worker``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psram.worker.protocol import Answer, Request


def run(request: Request) -> Answer:
    """The answer of a disposable, bounded process; a worker that dies is an answer with a ``problem``."""
    from psram.worker import disposable

    return disposable.run(request)
