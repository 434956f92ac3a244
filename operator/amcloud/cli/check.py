"""``amcloud check``: what the norms say of an application, on a laptop, before anything is pushed.

It decides by the *source* rules alone, exit status included; the others are listed as the platform's to verify. What
only the platform can say (syntax without the hosted PHP here, its list of package sources) is "à confirmer": it does
not by itself change the exit status, since nothing speaks against the code; a file that looks broken does.
"""

from __future__ import annotations

import shutil
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from psram.model import Context, Php, Report
    from psram.rules import Pack, Rule
    from psram.worker.protocol import Request

CONFORMING, NOT_CONFORMING, COULD_NOT_TELL, USAGE = 0, 1, 2, 3


_UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # typer carries its own click: this is its public way in


_HELP = (
    "Vérifie une application contre les normes PSRAM.\n\n"
    "Code de retour : 0 conforme, 1 non conforme, 2 impossible à dire, 3 mauvaise commande.\n\n"
    "Seules les règles qui portent sur les sources comptent ; les autres sont annoncées « à vérifier par la "
    "plateforme ». Les fichiers non validés dans git sont vérifiés aussi. Sans le PHP hébergé sur ce poste, la syntaxe "
    "est « à confirmer », ce qui ne change pas le code de retour."
)


class Format(StrEnum):
    """Forms of the answer."""

    TEXTE = "texte"
    JSON = "json"
    HTML = "html"


class TrackName(StrEnum):
    """The three tracks, as written in a LocalApp."""

    LABELLISATION = "labellisation"
    HOMOLOGATION = "homologation"
    HORS_STANDARD = "hors-standard"


class StageName(StrEnum):
    """The three stages, as written in a LocalApp."""

    DEVELOPMENT = "development"
    ACCEPTANCE = "acceptance"
    PRODUCTION = "production"


class _CheckCommand(TyperCommand):
    """Gives a wrong command line the exit status 3: 2 means that nothing could be told of the application."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except _UsageError as error:
            setattr(error, "exit_code", USAGE)  # noqa: B010  a class variable for mypy, read from the instance by click
            raise


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="check", cls=_CheckCommand, help=_HELP)(check)


def check(  # noqa: PLR0917  options, given by name
    path: Annotated[str, typer.Argument(help="Dossier, dépôt git, ou adresse git (https://…, file://…).")] = ".",
    commit: Annotated[str, typer.Option(help="Vérifie ce commit au lieu des fichiers du dossier.")] = "",
    track: Annotated[TrackName, typer.Option(help="Filière demandée.")] = TrackName.HOMOLOGATION,
    stage: Annotated[StageName, typer.Option(help="Étape visée.")] = StageName.ACCEPTANCE,
    pack: Annotated[str, typer.Option(help="Version des normes, ou dossier d'un pack (avec un /).")] = "",
    at: Annotated[str, typer.Option(metavar="AAAA-MM-JJ", help="Date d'évaluation (aujourd'hui par défaut).")] = "",
    evidence: Annotated[
        Path | None, typer.Option(help="Preuves exportées par la plateforme : refait son rapport, à l'octet près.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Forme de la réponse.")] = Format.TEXTE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Écrit la réponse dans ce fichier.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Montre toutes les règles et tous les endroits.")] = False,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADRESSE",
            envvar="AMCLOUD_PACKAGE_SOURCES",
            help="Dépôt de paquets agréé par la plateforme (répétable ; l'environnement les sépare par des espaces).",
        ),
    ] = None,
    explain: Annotated[str, typer.Option(metavar="RÈGLE", help="Explique une règle, et s'arrête.")] = "",
    list_rules: Annotated[bool, typer.Option("--list-rules", help="Liste les règles, et s'arrête.")] = False,
) -> None:
    """Check an application, print the answer and exit with its status (see ``_HELP``)."""
    from psram import packs
    from psram.errors import PsramError

    try:
        rules = packs.load(pack or packs.DEFAULT)
        if list_rules or explain:
            typer.echo(_rule_list(rules, track, stage) if list_rules else _explanation(rules, explain))
            return
        context = _context(track, stage, at, source)
        request = _request(path, commit, rules=rules, pack=pack, context=context, evidence=evidence)
    except PsramError as error:
        _refuse(str(error))
    report = _report(request)
    _write(_rendered(report, format, full, to_terminal=output is None), output)
    raise typer.Exit(_status(report))


def _context(track: TrackName, stage: StageName, at: str, source: list[str] | None) -> Context:
    from psram.errors import UsageError
    from psram.model import Context, Stage, Track

    try:
        day = date.fromisoformat(at) if at else date.today()
    except ValueError as error:
        raise UsageError(f"--at {at} : écrivez une date comme 2026-12-31") from error
    return Context(Track(track), Stage(stage), day, package_sources=tuple(source) if source else None)


def _request(path: str, commit: str, *, rules: Pack, pack: str, context: Context, evidence: Path | None) -> Request:
    from psram.errors import UsageError
    from psram.worker.protocol import Ask, Request

    remote = path.startswith(("https://", "http://", "file://"))
    ask = Ask.URL if remote else Ask.COMMIT if commit else Ask.WORKTREE
    if not remote and not Path(path).is_dir():
        raise UsageError(f"« {path} » n'est ni un dossier ni une adresse git")
    try:
        content = evidence.read_text("utf-8") if evidence is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--evidence {evidence} ne peut pas être lu") from error
    return Request(
        ask=ask,
        path=path if remote else str(Path(path).resolve()),
        commit=commit or "HEAD",
        pack=pack,
        context=context,
        php=_php(rules),
        evidence=content,
    )


def _php(rules: Pack) -> Php | None:
    """The hosted PHP, if this machine has one of that name; the worker checks its version."""
    from psram.model import Php

    rule = rules.rule("PHP-001")
    version = str(rule.params["hosted_php"]) if rule is not None else ""
    program = shutil.which(f"php{version}") or shutil.which("php")
    return Php(program, version) if program and version else None


def _report(request: Request) -> Report:
    from psram import worker

    answer = worker.run(request)
    if answer.usage:
        _refuse(answer.usage)
    if answer.report is None or answer.problem:
        typer.echo(f"amcloud check : {answer.problem}", err=True)
        raise typer.Exit(COULD_NOT_TELL)
    return answer.report


def _refuse(message: str) -> NoReturn:
    typer.echo(f"amcloud check : {message}", err=True)
    raise typer.Exit(USAGE)


def _status(report: Report) -> int:
    from psram.model import ReportVerdict
    from psram.rules import Moment

    verdict = report.verdict_for({Moment.SOURCE}, confirmed_later=True)
    return {
        ReportVerdict.CONFORMING: CONFORMING,
        ReportVerdict.VIOLATED: NOT_CONFORMING,
        ReportVerdict.UNKNOWN: COULD_NOT_TELL,
    }[verdict]


def _rendered(report: Report, format: Format, full: bool, *, to_terminal: bool) -> bytes:
    from psram import reports

    match format:
        case Format.JSON:
            return reports.canonical_json(report)
        case Format.HTML:
            return reports.html(report).encode()
        case Format.TEXTE:
            colour = to_terminal and sys.stdout.isatty()
            said = reports.text(report, colour=colour, full=full)
            return f"{said}\n{_next(report)}\n".encode()


def _next(report: Report) -> str:
    """The next command to type."""
    from psram.model import Verdict

    worst = next((r for r in report.blocking() if r.verdict is Verdict.VIOLATED), None)
    if worst is not None:
        return f"Ensuite : amcloud check --explain {worst.rule_id}"
    if report.uncommitted:
        return "Ensuite : git add … && git commit, puis git push (la plateforme vérifie chaque commit poussé)"
    return "Ensuite : git push (la plateforme vérifie chaque commit poussé)"


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        _refuse(f"--output {output} ne peut pas être écrit ({error.strerror})")
    typer.echo(f"Rapport écrit dans {output}", err=True)


def _rule_list(rules: Pack, track: TrackName, stage: StageName) -> str:
    from psram.model import Stage, Track
    from psram.reports.projection import MOMENTS

    lines = [f"{rules.title} : {len(rules.rules)} règles ({rules.digest})", ""]
    for rule in rules.rules:
        severity = rule.severity_for(Track(track), Stage(stage)).value
        lines.append(f"{rule.id:9} {severity:10} {MOMENTS[rule.moment]:9} {rule.title}")
    return "\n".join([*lines, "", "Ensuite : amcloud check --explain RÈGLE"])


def _explanation(rules: Pack, rule_id: str) -> str:
    from psram.errors import UsageError

    rule = rules.rule(rule_id.upper())
    if rule is None:
        raise UsageError(f"la règle « {rule_id} » n'existe pas dans {rules.name} ; voyez --list-rules")
    return "\n".join(_explained(rule))


def _explained(rule: Rule) -> list[str]:
    from psram.reports.projection import MOMENTS

    severities = ", ".join(f"{track} {severity.value}" for track, severity in sorted(rule.severity.items()))
    return [
        f"{rule.id}  {rule.title}",
        "",
        rule.rationale,
        "",
        f"Gravité    : {severities}",
        f"Compte dès : {MOMENTS[rule.moment]}",
        f"Références : {' ; '.join(rule.references)}",
        f"Remède     : {rule.remediation.fr} (effort {rule.remediation.effort})",
        "",
        "Accepté    : " + " ; ".join(example.name for example in rule.examples.good),
        "Refusé     : " + " ; ".join(example.name for example in rule.examples.bad),
        "",
        "Ensuite : amcloud check --full pour tous les endroits de votre application",
    ]
