"""From a request to its answer: list, read, judge. What cannot be read is "indéterminé" in the report, and why."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

from psram.collect.listing import Listing, of_commit, of_worktree
from psram.errors import PackError, PsramError, UsageError
from psram.facts import Facts
from psram.worker import extractor, git
from psram.worker.nursery import Nursery
from psram.worker.pool import Pool
from psram.worker.protocol import Answer, Ask, Progress, Request
from psram.worker.reading import Reader
from psram.worker.store import FactCache

_Told = Callable[[Progress], None] | None


def run(
    request: Request,
    *,
    cache: FactCache | None,
    progress: _Told,
    processes: int | None,
    nursery: Nursery | None,
) -> Answer:
    """The answer; see :func:`psram.worker.run`."""
    try:
        with Pool(nursery) as pool:  # its nursery loads while this process loads what judges, and git lists
            return _answer(request, pool, cache, progress, processes)
    except (UsageError, PackError) as error:
        return Answer(usage=str(error))
    except PsramError as error:
        return _unread(request, str(error))


def _answer(request: Request, pool: Pool, cache: FactCache | None, progress: _Told, processes: int | None) -> Answer:
    from psram import evidence, packs
    from psram.judge import judge

    bundle = evidence.load(request.evidence.encode()) if request.evidence else None
    context = request.context if bundle is None else bundle.context
    pack = None
    if context is not None:
        pack = packs.load(request.pack or (bundle.pack.name if bundle else packs.current(context.evaluated_on)))
    _tell(progress, "listing")
    php = None if bundle is not None else request.php
    with extractor.php_asked(php, cache) as version, _listed(request, cache) as listing:
        reader = Reader(
            php=php,
            php_version=version(),
            limits=request.limits,
            pool=pool,
            cache=cache,
            processes=processes,
            progress=progress,
        )
        facts = reader.facts(listing)
    if pack is None or context is None:
        return Answer(facts=facts)
    if bundle is not None:
        facts = evidence.complete(facts, bundle, pack)
    _tell(progress, "judging")
    return Answer(facts=facts, report=judge(facts, pack, context))


@contextlib.contextmanager
def _listed(request: Request, cache: FactCache | None) -> Iterator[Listing]:
    """What there is to read, as long as it is there."""
    match request.ask:
        case Ask.WORKTREE:
            yield of_worktree(Path(request.path), request.limits, cache)
        case Ask.COMMIT:
            yield of_commit(Path(request.path), request.commit, request.limits, cache)
        case Ask.URL:
            with tempfile.TemporaryDirectory(prefix="psram-url-") as folder:
                copy = Path(folder) / "depot.git"
                git.clone(request.path, copy, commit=request.commit, timeout_s=request.limits.timeout_s)
                yield of_commit(copy, request.commit, request.limits, cache)
        case _ as never:
            assert_never(never)


def _unread(request: Request, problem: str) -> Answer:
    """The answer when nothing could be read: where a verdict was asked, the report says "indéterminé" and why."""
    if request.context is None:
        return Answer(problem=problem)
    from psram import packs
    from psram.judge import judge

    unread = Facts(commit=request.commit, tree="", truncated=problem)
    pack = packs.load(request.pack or packs.current(request.context.evaluated_on))
    return Answer(problem=problem, report=judge(unread, pack, request.context))


def _tell(progress: _Told, doing: str) -> None:
    if progress is not None:
        progress(Progress(doing))
