"""One question to the engine in this process, timed from inside: ``python -m bench.engine REPOSITORY CACHE [BEFORE]``.

Prints the seconds of the answer. With BEFORE, another repository is asked about first: the time is then that of a
process that stays, such as the operator, which loaded the engine and the norms before.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

from psram import worker
from psram.model import Context, Php, Stage, Track
from psram.worker.protocol import Ask, Request
from psram.worker.store import FactCache


def main(repository: str, cache: str, before: str = "") -> None:
    """Ask, and print how long the answer took."""
    if before:
        asked(before, None, Ask.WORKTREE)
    begin = time.perf_counter()
    asked(repository, FactCache(Path(cache)), Ask.COMMIT)
    sys.stdout.write(f"{time.perf_counter() - begin}")


def asked(repository: str, cache: FactCache | None, ask: Ask) -> None:
    """Ask once.

    Raises:
        RuntimeError: there is no verdict.
    """
    context = Context(Track.HOMOLOGATION, Stage.ACCEPTANCE, date(2026, 6, 1))
    answer = worker.run(Request(ask, repository, context=context, php=Php()), cache=cache)
    if answer.report is None or answer.problem:
        raise RuntimeError(answer.usage or answer.problem)


if __name__ == "__main__":
    main(*sys.argv[1:])
