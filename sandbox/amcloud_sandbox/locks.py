"""One command at a time on a file: the others wait and say so."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SAY_EVERY_S = 5.0
POLL_S = 0.2


@contextmanager
def one_at_a_time(path: Path, *, doing: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock ``path`` within the block; ``doing`` tells the waiting person what the other command does.

    The kernel releases the lock when its holder ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lock:
        began = said = time.monotonic()
        while not _locked(lock.fileno()):
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                say(f"une autre commande est en cours ({doing}) : attente depuis {said - began:.0f} s")
            time.sleep(POLL_S)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
