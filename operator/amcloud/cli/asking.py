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
    from psram.worker.protocol import Progress as Step
    from psram.worker.store import FactCache

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
    cached: bool = True
    processes: int | None = None


_DOING: Final = {"listing": "Liste des fichiers", "reading": "Lecture des sources", "judging": "Application des règles"}


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
    doing = f"Copie de {asked.target.path}" if asked.target.ask is Ask.URL else _DOING["listing"]
    with progress(doing) as shown:

        def told(step: Step) -> None:
            if step.doing != "listing":
                shown.doing = _DOING.get(step.doing, shown.doing)
            shown.done, shown.total = step.done, step.total

        return worker.run(request, cache=kept(asked.cached), progress=told, processes=asked.processes)


def kept(cached: bool) -> FactCache | None:
    """Where facts of contents are kept between commands; ``None`` when they are not wanted."""
    from psram.worker.store import FactCache, default_folder

    return FactCache(default_folder()) if cached else None
