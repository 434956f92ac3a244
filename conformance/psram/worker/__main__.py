"""The disposable process: reads one request on standard input, answers it on standard output, and ends."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

from psram import evidence, packs
from psram.collect import collect, collect_worktree
from psram.errors import PackError, PsramError, UsageError
from psram.facts import Facts
from psram.judge import judge
from psram.worker import git
from psram.worker.protocol import Answer, Ask, Request


def main() -> None:
    """Answer the request; a refusal is an answer as well."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    try:
        answer = _answer(request)
    except (UsageError, PackError) as error:
        answer = Answer(usage=str(error))
    except PsramError as error:
        answer = Answer(problem=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _answer(request: Request) -> Answer:
    bundle = evidence.load(request.evidence.encode()) if request.evidence else None
    pack = packs.load(request.pack or (bundle.pack.name if bundle else packs.DEFAULT))
    facts = _facts(request)
    context = request.context
    if bundle is not None:
        facts, context = evidence.complete(facts, bundle, pack), bundle.context
    return Answer(facts=facts, report=None if context is None else judge(facts, pack, context))


def _facts(request: Request) -> Facts:
    php = None if request.evidence else request.php
    if request.ask is Ask.WORKTREE:
        return collect_worktree(Path(request.path), php=php, limits=request.limits)
    if request.ask is Ask.COMMIT:
        return collect(Path(request.path), request.commit, php=php, limits=request.limits)
    with tempfile.TemporaryDirectory(prefix="psram-url-") as folder:
        copy = Path(folder) / "depot.git"
        git.clone(request.path, copy, commit=request.commit, timeout_s=request.limits.timeout_s)
        return collect(copy, request.commit, php=php, limits=request.limits)


if __name__ == "__main__":
    main()
