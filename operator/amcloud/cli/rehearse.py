"""``amcloud rehearse PACK``: who a draft of the norms would refuse, before it is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli import completion
from amcloud.cli.exits import Exit, answer, told
from amcloud.cli.options import StageName, TrackName

if TYPE_CHECKING:
    from concurrent.futures import Future

    from amcloud.cli.rehearsal import Known, Line, Rehearsal, Unread
    from amcloud.cli.repositories import Repository
    from amcloud.clients import fleet
    from psram.rules import Pack

    Member = Callable[[], Known | Unread]

COMMAND: Final = "rehearse"
TEXT, JSON = "texte", "json"
_AWAKE_EVERY_S: Final = 0.5
_HELP: Final = (
    "Rejoue un brouillon de normes sur des applications, et dit qui il refuserait de plus, par règle et par "
    "organisme.\n\n"
    "Chaque application est jugée deux fois sur les mêmes faits, à la même date : par le pack en vigueur et par le "
    "brouillon. Sur un dossier de dépôts, les règles sur les sources comptent, comme pour « amcloud check ». Sans "
    "dossier, dans le pod de l'opérateur, ce sont les LocalApp, avec les preuves de leur dernier rapport et toutes "
    "les règles de leur étape.\n\n"
    "Code de retour : 0 aucun nouveau refus, 1 au moins un, 2 impossible à dire pour une application, "
    "3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud rehearse ./psram-2027.1 --repositories /srv/depots\n\n"
    "amcloud rehearse ./psram-2027.1 --repositories depots --format json -o repetition.json\n\n"
    "tar c psram-2027.1 | kubectl exec -i -n amcloud-system deploy/amcloud-operator -- amcloud rehearse -"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(rehearse)


def rehearse(  # noqa: PLR0917  options, given by name
    pack: Annotated[
        str,
        typer.Argument(
            metavar="PACK",
            help="Projet de normes : nom, dossier (avec un /), ou - pour une archive tar sur l'entrée standard.",
            autocompletion=completion.pack_names,
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--repositories",
            metavar="DOSSIER",
            help="Dossier de dépôts git, nus ou non ; sans lui, les LocalApp de l'opérateur dont c'est le pod.",
        ),
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="PACK",
            help="Pack de comparaison (celui en vigueur par défaut).",
            autocompletion=completion.pack_names,
        ),
    ] = "",
    ref: Annotated[str, typer.Option(metavar="COMMIT", help="Branche, étiquette ou commit à lire.")] = "HEAD",
    track: Annotated[TrackName, typer.Option(help="Filière supposée.")] = TrackName.HOMOLOGATION,
    stage: Annotated[StageName, typer.Option(help="Étape supposée.")] = StageName.ACCEPTANCE,
    at: Annotated[
        str,
        typer.Option(
            metavar="AAAA-MM-JJ",
            help="Date d'évaluation (aujourd'hui, ou l'entrée en vigueur du brouillon si elle suit).",
        ),
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="ADRESSE", envvar="AMCLOUD_PACKAGE_SOURCES", help="Dépôt de paquets agréé (répétable)."),
    ] = None,
    form: Annotated[str, typer.Option("--format", "-f", metavar="FORME", help="texte ou json.")] = TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FICHIER", help="Fichier à écrire.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Montre toutes les applications.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Relit tout, sans le cache des faits.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Lectures en même temps.")] = 2,
    timeout: Annotated[float, typer.Option(metavar="SECONDES", min=1, help="Durée accordée à une application.")] = 60.0,
) -> None:
    """Judge every repository by both packs, print what changes and exit with its status (see ``_HELP``)."""
    from amcloud.cli import asking, drafts, question, rehearsal, repositories
    from psram import packs
    from psram.errors import UsageError

    with told(COMMAND):
        if form not in (TEXT, JSON):
            raise UsageError(f"--format {form} : formes connues : {TEXT}, {JSON}")
        draft, current = drafts.load(pack), packs.load(against or packs.DEFAULT)
        context = question.context(track, stage, at or _first_day(draft), source)
        if folder is None:
            members = _of_fleet(context.evaluated_on, jobs)
        else:
            cache = asking.kept(not no_cache)
            reading = repositories.Reading(context, question.php(current), ref, timeout, cache)
            members = repositories.members(_listed(folder), reading)
        lines = list(_lines(members, draft, current, jobs))
        done = rehearsal.summary(lines, draft, current, str(context.evaluated_on))
        answer(_rendered(done, form, full=full), output, command=COMMAND)
    raise typer.Exit(_status(done))


def _listed(folder: Path) -> list[Repository]:
    from amcloud.cli import question, repositories
    from psram.errors import UsageError

    listed = list(repositories.found(question.folder(str(folder), "--repositories")))
    if not listed:
        raise UsageError(f"--repositories {folder} : aucun dépôt git dans ce dossier")
    return listed


def _of_fleet(day: date, processes: int) -> list[Member]:
    """The LocalApps of the operator whose settings are those of this environment."""
    import os

    from amcloud.clients import assembly
    from amcloud.errors import AmcloudError, BrokenInstallationError
    from amcloud.settings import Settings
    from psram.errors import CollectError, UsageError

    try:
        settings = Settings.from_environment(os.environ)
    except BrokenInstallationError as error:
        said = "donnez --repositories DOSSIER, ou lancez la commande dans le pod de l'opérateur (voyez --help)"
        raise UsageError(said) from error
    try:
        members = assembly.fleet(settings, processes=processes).members()
    except (AmcloudError, OSError) as error:
        raise CollectError(f"les LocalApp n'ont pas pu être lues : {error}") from error
    return [partial(_of_member, member, day) for member in members]


def _of_member(member: Callable[[], fleet.Known | fleet.Unknown], day: date) -> Known | Unread:
    from msgspec.structs import replace

    from amcloud.cli.rehearsal import Known, Unread
    from amcloud.clients import fleet
    from amcloud.stages.gate import ENFORCED

    found = member()
    name = f"{found.namespace}/{found.name}"
    if isinstance(found, fleet.Unknown):
        return Unread(name, found.namespace, found.problem)
    context = replace(found.context, evaluated_on=day)
    moments = ENFORCED[found.stage]
    return Known(f"{name} ({found.stage.value})", found.namespace, found.facts, context, moments, decided=True)


def _first_day(draft: Pack) -> str:
    """A draft is rehearsed on the day it would apply; empty for today."""
    effective = draft.effective_on
    return str(effective) if effective is not None and effective > date.today() else ""


def _lines(members: Sequence[Member], draft: Pack, current: Pack, jobs: int) -> Iterator[Line]:
    """A line an application, several read at the same time."""
    from concurrent.futures import ThreadPoolExecutor

    from amcloud.cli.terminals import progress

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="rehearse")
    try:
        with progress("Applications rejouées") as shown:
            shown.total = len(members)
            waiting = [pool.submit(_line, member, draft, current) for member in members]
            for future in _as_they_end(waiting):
                shown.done += 1
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _as_they_end(waiting: Iterable[Future[Line]]) -> Iterator[Future[Line]]:
    """Each once it has ended. An interruption that comes while this thread falls asleep is seen when it next wakes."""
    from concurrent.futures import as_completed

    left = set(waiting)
    while left:
        with suppress(TimeoutError):
            for future in as_completed(left, timeout=_AWAKE_EVERY_S):
                left.remove(future)
                yield future


def _line(member: Member, draft: Pack, current: Pack) -> Line:
    from amcloud.cli import rehearsal

    found = member()
    return rehearsal.unread(found) if isinstance(found, rehearsal.Unread) else rehearsal.line(found, draft, current)


def _rendered(done: Rehearsal, form: str, *, full: bool) -> bytes:
    import msgspec

    from amcloud.cli import rehearsal_text

    if form == JSON:
        return msgspec.json.format(msgspec.json.encode(done, order="sorted"), indent=1) + b"\n"
    return rehearsal_text.text(done, full=full).encode()


def _status(done: Rehearsal) -> Exit:
    from amcloud.cli.rehearsal import Change

    if done.counts[Change.REFUSED.value]:
        return Exit.REFUSED
    if done.counts[Change.UNKNOWN.value] or done.counts[Change.UNREAD.value]:
        return Exit.COULD_NOT_TELL
    return Exit.OK
