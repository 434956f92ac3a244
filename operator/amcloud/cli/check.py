"""``amcloud check``: what the norms say of an application, on a laptop, before anything is pushed.

It decides by the *source* rules alone, exit status included; the others are listed as the platform's to verify. What
only the platform can say (syntax without the hosted PHP here, its list of package sources) is "à confirmer": it does
not by itself change the exit status, since nothing speaks against the code; a file that looks broken does.
With the platform's evidence it answers what the platform answered, for the stage that the evidence is about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli import completion
from amcloud.cli.exits import answer, told
from amcloud.cli.options import SeverityName, StageName, TrackName

if TYPE_CHECKING:
    from amcloud.cli.asking import Asked
    from amcloud.cli.question import Target
    from psram.model import Report

COMMAND: Final = "check"
_TEXT: Final = "texte"
_HELP: Final = (
    "Vérifie une application contre les normes PSRAM, et dit quoi faire.\n\n"
    "Seules les règles qui portent sur les sources comptent ; les autres sont annoncées « à vérifier par la "
    "plateforme ». Les fichiers non validés dans git sont vérifiés aussi. Sans le PHP hébergé sur ce poste, la syntaxe "
    "est « à confirmer », ce qui ne change pas le code de retour.\n\n"
    "Code de retour : 0 conforme, 1 non conforme, 2 impossible à dire, 3 mauvaise commande, 130 interrompu."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud check                              le dossier courant\n\n"
    "amcloud check HEAD~1                       un commit du dépôt courant\n\n"
    "amcloud check https://forge/groupe/app.git --commit v1.2.0\n\n"
    "amcloud check --since origin/main          ce que ma branche apporte\n\n"
    "amcloud check --fix                        montre les corrections mécaniques, puis demande\n\n"
    "amcloud check --explain MTN-002            une règle, sa raison, son remède\n\n"
    "amcloud check --format sarif -o psram.sarif"
)
_WHAT, _NORMS, _ANSWER, _FIX = "Quoi vérifier", "Selon quelles normes", "Réponse", "Corriger"
_RULES, _ENGINE = "Règles", "Moteur"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(check)


def check(  # noqa: PLR0917  options, given by name
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(metavar="CIBLE", help="Dossier, dépôt, adresse git (https://…, file://…) ou commit d'ici."),
    ] = ".",
    commit: Annotated[
        str,
        typer.Option(
            metavar="COMMIT", help="Vérifie ce commit au lieu des fichiers du dossier.", rich_help_panel=_WHAT
        ),
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="COMMIT", help="Dit ce qui est nouveau depuis ce commit.", rich_help_panel=_WHAT)
    ] = "",
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="RAPPORT", help="Dit ce qui est nouveau depuis ce rapport (JSON).", rich_help_panel=_WHAT),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FICHIER",
            help="Preuves exportées par la plateforme : refait son rapport, à l'octet près.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    track: Annotated[
        TrackName, typer.Option(help="Filière demandée.", rich_help_panel=_NORMS)
    ] = TrackName.HOMOLOGATION,
    stage: Annotated[StageName, typer.Option(help="Étape visée.", rich_help_panel=_NORMS)] = StageName.ACCEPTANCE,
    pack: Annotated[
        str,
        typer.Option(
            metavar="PACK",
            help="Version des normes, ou dossier d'un pack (avec un /).",
            autocompletion=completion.pack_names,
            rich_help_panel=_NORMS,
        ),
    ] = "",
    at: Annotated[
        str,
        typer.Option(metavar="AAAA-MM-JJ", help="Date d'évaluation (aujourd'hui par défaut).", rich_help_panel=_NORMS),
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADRESSE",
            envvar="AMCLOUD_PACKAGE_SOURCES",
            help="Dépôt de paquets agréé par la plateforme (répétable ; l'environnement les sépare par des espaces).",
            rich_help_panel=_NORMS,
        ),
    ] = None,
    advisories: Annotated[
        str,
        typer.Option(
            metavar="BASE",
            envvar="AMCLOUD_ADVISORIES",
            help="Base d'avis de sécurité : dossier, fichier JSON ou zip, ou adresse.",
            rich_help_panel=_NORMS,
        ),
    ] = "",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORME",
            help="texte, json, html, sarif, codequality, junit, openreports ou oscal.",
            autocompletion=completion.formats,
            rich_help_panel=_ANSWER,
        ),
    ] = _TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FICHIER", help="Écrit la réponse dans ce fichier.", rich_help_panel=_ANSWER
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORME=FICHIER",
            help="Écrit aussi cette forme dans ce fichier (répétable).",
            rich_help_panel=_ANSWER,
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Montre toutes les règles et tous les endroits.", rich_help_panel=_ANSWER)
    ] = False,
    fail_on: Annotated[
        SeverityName,
        typer.Option(help="Gravité à partir de laquelle le code de retour est 1.", rich_help_panel=_ANSWER),
    ] = SeverityName.BLOQUANTE,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Propose les corrections mécaniques : montre, demande, écrit.", rich_help_panel=_FIX
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Écrit sans demander.", rich_help_panel=_FIX)] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Corrige même des fichiers non validés dans git.", rich_help_panel=_FIX),
    ] = False,
    explain: Annotated[
        str,
        typer.Option(
            metavar="RÈGLE",
            help="Explique une règle, et s'arrête.",
            autocompletion=completion.rules,
            rich_help_panel=_RULES,
        ),
    ] = "",
    list_rules: Annotated[
        bool, typer.Option("--list-rules", help="Liste les règles, et s'arrête.", rich_help_panel=_RULES)
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Relit tout, sans le cache des faits.", rich_help_panel=_ENGINE)
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, max=64, help="Lectures en même temps.", rich_help_panel=_ENGINE
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDES", min=1, help="Durée accordée à la lecture.", rich_help_panel=_ENGINE),
    ] = None,
) -> None:
    """Check an application, print the answer and exit with its status (see ``_HELP``)."""
    if list_rules or explain:
        with told(COMMAND):
            return _of_rules(pack, track, stage, explain, form=form, output=output)
    from psram.worker.nursery import Nursery

    with told(COMMAND), Nursery() as nursery:  # it loads what reads, while this process loads what asks and judges
        from amcloud.cli import asking, fixing, question, telling
        from psram import packs, reports
        from psram.rules import Severity

        rules = packs.load(pack or packs.DEFAULT)
        _known(form)
        besides = _besides(also or ())
        where = question.target(target, commit)
        typed = {f"--{name}": _typed(context, name) for name in ("track", "stage", "at", "source", "advisories")}
        asked = asking.Asked(
            target=where,
            pack=pack,
            context=question.context(track, stage, at, source),
            evidence=question.evidence(evidence, typed),
            php=question.php(rules),
            limits=question.limits(where, timeout),
            advisories="" if evidence is not None else advisories,
            cached=not no_cache,
            processes=jobs,
        )
        fixable = _fixable(where, form) if fix else None
        previous = _previous(asked, since, baseline)
        report, facts = asking.report(asked, nursery)
        if fixable is not None and fixing.fix(report, fixable, yes=yes, force=force):
            report, facts = asking.report(asked)
        shown = telling.presentation(
            report,
            facts,
            where,
            previous=previous,
            decided=evidence is not None,
            full=full,
            output=output,
            text=_TEXT in (form, *(other for other, _file in besides)),
        )
        for other, file in besides:
            answer(reports.write(other, report, shown), file, command=COMMAND)
        answer(reports.write(form, report, shown), output, command=COMMAND)
    raise typer.Exit(telling.status(report, shown, Severity(fail_on)))


def _of_rules(pack: str, track: TrackName, stage: StageName, explain: str, *, form: str, output: Path | None) -> None:
    from amcloud.cli import listing, terminals
    from psram import packs
    from psram.errors import UsageError
    from psram.rules import Stage, Track

    rules = packs.load(pack or packs.DEFAULT)
    if form not in (listing.TEXT, listing.JSON):
        raise UsageError(f"--format {form} : les règles se donnent en {listing.TEXT} ou en {listing.JSON}")
    if explain:
        width = min(terminals.size(sys.stdout)[0] or terminals.WIDEST, terminals.WIDEST)
        content = listing.explanation(rules, explain, Track(track), Stage(stage), form=form, width=width)
    else:
        content = listing.rules(rules, Track(track), Stage(stage), form)
    answer(content, output, command=COMMAND)


def _known(form: str) -> None:
    from psram.errors import UsageError
    from psram.reports import FORMATS

    if form not in FORMATS:
        raise UsageError(f"--format {form} : formes connues : {', '.join(FORMATS)}")


def _besides(asked: Iterable[str]) -> list[tuple[str, Path]]:
    """The forms to write in files besides the answer. Raises ``UsageError``."""
    from psram.errors import UsageError

    found = []
    for one in asked:
        form, _, file = one.partition("=")
        if not file:
            raise UsageError(f"--also {one} : écrivez FORME=FICHIER, par exemple sarif=psram.sarif")
        _known(form)
        found.append((form, Path(file)))
    return found


def _fixable(where: Target, form: str) -> Path:
    """The folder whose files may be corrected. Raises ``UsageError``."""
    from amcloud.cli import listing
    from psram.errors import UsageError
    from psram.worker.protocol import Ask

    if where.ask is not Ask.WORKTREE or not (Path(where.path)).is_dir():
        raise UsageError("--fix corrige les fichiers d'un dossier : donnez-le, sans --commit")
    if form != listing.TEXT:
        raise UsageError("--fix montre un texte : retirez --format")
    return Path(where.path)


def _previous(asked: Asked, since: str, baseline: Path | None) -> Report | None:
    """The report that findings are compared with, or ``None``."""
    import dataclasses

    from amcloud.cli import asking, question
    from psram.errors import UsageError
    from psram.worker.protocol import Ask

    if since and baseline:
        raise UsageError("--since et --baseline disent deux points de comparaison : gardez-en un")
    if baseline is not None:
        return question.previous(baseline)
    if not since:
        return None
    ask = Ask.URL if asked.target.ask is Ask.URL else Ask.COMMIT
    earlier = asked.target._replace(ask=ask, commit=since)
    return asking.report(dataclasses.replace(asked, target=earlier, evidence=""))[0]


def _typed(context: typer.Context, name: str) -> bool:
    """Whether the option was given on the command line: what the environment says is no contradiction."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
