"""What is asked of the engine, and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from psram.facts import Facts
from psram.model import Context, Limits, Php, Report


class Ask(StrEnum):
    """What to read."""

    COMMIT = "commit"
    WORKTREE = "worktree"
    URL = "url"


class Request(msgspec.Struct, frozen=True):
    """Read ``path`` (or ``url``) and, when a context is given, judge with ``pack``.

    ``evidence`` is the content of an evidence file: its context and syntax verdicts replace this machine's.
    """

    ask: Ask
    path: str
    commit: str = "HEAD"
    pack: str = ""
    context: Context | None = None
    php: Php | None = None
    limits: Limits = Limits()
    evidence: str = ""


class Answer(msgspec.Struct, frozen=True):
    """Facts and report, or the reason of their absence: ``usage`` when the request is wrong, else ``problem``."""

    facts: Facts | None = None
    report: Report | None = None
    usage: str = ""
    problem: str = ""


class Progress(NamedTuple):
    """How far an answer is: ``doing`` is ``listing``, ``reading`` or ``judging``; ``done`` contents of ``total``."""

    doing: str
    done: int = 0
    total: int = 0
