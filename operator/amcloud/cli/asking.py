"""Asks the engine on behalf of a command: shows what goes on, and ends the command where nothing can be told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from amcloud.cli.exits import Exit, refuse
from amcloud.cli.terminals import progress
from amcloud.masking import mask

if TYPE_CHECKING:
    from amcloud.cli.question import Target
    from psram.advisories import Database
    from psram.facts import Facts
    from psram.model import Context, Limits, Php, Report
    from psram.worker.nursery import Nursery
    from psram.worker.protocol import Answer
    from psram.worker.protocol import Progress as Step
    from psram.worker.store import FactCache

COMMAND: Final = "check"
MOST_BYTES: Final = 64 * 1024 * 1024
DOWNLOAD_S: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that a report depends on."""

    target: Target
    context: Context
    limits: Limits
    pack: str = ""
    php: Php | None = None
    evidence: str = ""
    advisories: str = ""
    cached: bool = True
    processes: int | None = None


_DOING: Final = {"listing": "Liste des fichiers", "reading": "Lecture des sources", "judging": "Application des règles"}


def report(asked: Asked, nursery: Nursery | None = None) -> tuple[Report, Facts]:
    """The report, and the facts it was made of; ends the command when there is none.

    ``nursery``: where the processes are born that read, when it was begun ahead of the question.

    Raises:
        PsramError: the pack or the advisory database cannot be used.
    """
    database = _database(asked.advisories) if asked.advisories else None
    answer = _run(asked, nursery, judged=database is None)
    if answer.usage:
        refuse(COMMAND, answer.usage)
    if "not our ref" in answer.problem:
        refuse(COMMAND, f"le commit {asked.target.commit} n'est pas dans ce dépôt (branche réécrite depuis ?)")
    if answer.facts is None or answer.problem:
        hint = " ; vérifiez l'adresse, le commit, le réseau et vos droits" if "://" in asked.target.path else ""
        refuse(COMMAND, (answer.problem or "l'analyse n'a rien répondu") + hint, Exit.COULD_NOT_TELL)
    return answer.report or _judged(answer.facts, asked, database), answer.facts


def _judged(facts: Facts, asked: Asked, database: Database | None) -> Report:
    """The report, with what the advisories say of this lock."""
    from msgspec.structs import replace

    from psram import packs
    from psram.judge import judge

    context = asked.context
    if database is not None:
        concerning = database.concerning(facts.composer.packages)
        context = replace(context, evidence=replace(context.evidence, advisories=concerning))
    return judge(facts, packs.load(asked.pack or packs.current(context.evaluated_on)), context)


def _database(where: str) -> Database:
    """The advisory database at that path or address. Raises ``UsageError``."""
    from psram import advisories
    from psram.errors import UsageError

    if where.startswith(("https://", "http://")):
        database = advisories.parse(downloaded(where, "--advisories", MOST_BYTES), source=where)
    else:
        database = advisories.read(Path(where))
    if database.problem:
        raise UsageError(f"--advisories {where} : {database.problem}")
    return database


def downloaded(url: str, option: str, most_bytes: int) -> bytes:
    """The content at an address. Raises ``CollectError`` when it does not come, or not whole."""
    import requests

    from psram.errors import CollectError

    with progress(f"Téléchargement de {mask(url)}"):
        try:
            with requests.get(url, timeout=DOWNLOAD_S, stream=True) as answer:
                answer.raise_for_status()
                return b"".join(_bounded(answer.iter_content(65536), f"{option} {mask(url)}", most_bytes))
        except (requests.RequestException, OSError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None) or type(error).__name__
            raise CollectError(f"{option} {mask(url)} n'a pas pu être lu ({status})") from error


def _bounded(parts: Iterator[bytes], what: str, most_bytes: int) -> Iterator[bytes]:
    """The parts, as long as they are not too many nor too slow. Raises ``CollectError``."""
    from psram.errors import CollectError

    until, total = time.monotonic() + DOWNLOAD_S, 0
    for part in parts:
        total += len(part)
        if total > most_bytes:
            raise CollectError(f"{what} dépasse {most_bytes // 2**20} Mio")
        if time.monotonic() > until:
            raise CollectError(f"{what} ne s'est pas chargé en {DOWNLOAD_S} s")
        yield part


def _run(asked: Asked, nursery: Nursery | None, *, judged: bool) -> Answer:
    from psram import worker
    from psram.worker.protocol import Ask, Request

    request = Request(
        ask=asked.target.ask,
        path=asked.target.path,
        commit=asked.target.commit,
        pack=asked.pack,
        context=asked.context if judged else None,
        php=asked.php,
        limits=asked.limits,
        evidence=asked.evidence,
    )
    doing = f"Copie de {mask(asked.target.path)}" if asked.target.ask is Ask.URL else _DOING["listing"]
    with progress(doing) as shown:

        def told(step: Step) -> None:
            if step.doing != "listing":
                shown.doing = _DOING.get(step.doing, shown.doing)
            shown.done, shown.total = step.done, step.total

        return worker.run(request, cache=kept(asked.cached), progress=told, processes=asked.processes, nursery=nursery)


def kept(cached: bool) -> FactCache | None:
    """Where facts of contents are kept between commands; ``None`` when they are not wanted."""
    from psram.worker.store import FactCache, default_folder

    return FactCache(default_folder()) if cached else None
