"""Asks the engine on behalf of a command: shows what goes on, and ends the command where nothing can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from amcloud.cli.exits import Exit, refuse
from amcloud.cli.terminals import progress

if TYPE_CHECKING:
    from amcloud.cli.question import Target
    from psram.facts import Facts
    from psram.model import Context, Limits, Php, Report
    from psram.worker.protocol import Answer

COMMAND: Final = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that a report depends on."""

    target: Target
    context: Context
    limits: Limits
    pack: str = ""
    php: Php | None = None
    evidence: str = ""


def report(asked: Asked) -> tuple[Report, Facts]:
    """The report, and the facts it was made of; ends the command when there is none."""
    answer = _run(asked)
    if answer.usage:
        refuse(COMMAND, answer.usage)
    if answer.report is None or answer.facts is None or answer.problem:
        refuse(COMMAND, answer.problem or "l'analyse n'a rien répondu", Exit.COULD_NOT_TELL)
    return answer.report, answer.facts


def _run(asked: Asked) -> Answer:
    from psram import worker
    from psram.worker.protocol import Ask, Request

    request = Request(
        ask=asked.target.ask,
        path=asked.target.path,
        commit=asked.target.commit,
        pack=asked.pack,
        context=asked.context,
        php=asked.php,
        limits=asked.limits,
        evidence=asked.evidence,
    )
    doing = f"Copie de {asked.target.path}" if asked.target.ask is Ask.URL else "Lecture des sources"
    with progress(doing):
        return worker.run(request)
