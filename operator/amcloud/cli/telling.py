"""What ``amcloud check`` tells of a report: its form, what to type next, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from amcloud.cli import fixing, terminals
from amcloud.cli.exits import Exit

if TYPE_CHECKING:
    from amcloud.cli.question import Target
    from psram.facts import Facts
    from psram.model import Report
    from psram.reports import Presentation
    from psram.rules import Moment, Severity

KIT: Final = "amcloud/starter-kit"


def presentation(
    report: Report,
    facts: Facts,
    target: Target,
    *,
    previous: Report | None,
    decided: bool,
    full: bool,
    output: Path | None,
    text: bool = True,
) -> Presentation:
    """How the report is shown; ``decided`` says that the platform's evidence is there, so that nothing stays open.

    What ``--fix`` would correct is found out for a ``text`` alone: no other form says it, and it takes longest.
    """
    from psram.reports import Presentation

    width, height = terminals.size(sys.stdout)
    mended, partly = fixing.mended(report, target) if text else ((), ())
    return Presentation(
        previous=previous,
        moments=moments(report) if decided else Presentation().moments,
        decided=decided,
        colour=output is None and terminals.coloured(sys.stdout),
        full=full,
        width=width if output is None else 0,
        height=height,
        notes=(*(() if decided else _unread_history(facts, target)), *_notes(facts, target)),
        footer=tuple(_next(report, target, mended=mended if _has_kit(facts) else (), decided=decided)),
        mended=mended,
        partly=partly,
    )


def moments(report: Report) -> frozenset[Moment]:
    """Moments whose rules count at the report's stage, as the hosting gate has it."""
    from amcloud.stages.declared.app import StageName
    from amcloud.stages.gate import ENFORCED

    return ENFORCED[StageName(report.stage.value)]


def status(report: Report, shown: Presentation, fail_on: Severity) -> Exit:
    """The exit status: the verdict's, made stricter by ``fail_on`` and never milder."""
    from psram.model import ReportVerdict, Verdict
    from psram.rules import Severity

    gravity = (Severity.INFO, Severity.MINOR, Severity.MAJOR, Severity.BLOCKING)
    asked = gravity[gravity.index(fail_on) :]
    broken = any(
        r.verdict is Verdict.VIOLATED and r.severity in asked and r.moment in shown.moments and not r.early
        for r in report.results
        if fail_on is not Severity.BLOCKING
    )
    verdict = report.verdict_for(shown.moments, confirmed_later=not shown.decided)
    if broken or verdict is ReportVerdict.VIOLATED:
        return Exit.REFUSED
    return Exit.COULD_NOT_TELL if verdict is ReportVerdict.UNKNOWN else Exit.OK


def _notes(facts: Facts, target: Target) -> Iterator[str]:
    """What a reader who is in the wrong folder, or without the kit, should know first."""
    whole = _above(target) if not facts.composer.manifest_present else ""
    if whole:
        yield f"Ce dossier n'est qu'une partie de l'application : « amcloud check {whole} » la vérifie en entier."
        return
    php = any(file.path.endswith(".php") for file in facts.files)
    if not php and not facts.composer.manifest_present:
        yield "Aucun fichier PHP ni composer.json ici : est-ce bien le dossier de l'application ?"
    elif not _has_kit(facts) and not facts.composer.manifest_problem:  # one that cannot be read may ask for the kit
        yield (
            "Écrite sans le Starter Kit : « amcloud new NOM » donne une application conforme où porter ce code, "
            "module par module (docs/contrat-starter-kit.md)."
        )


def _unread_history(facts: Facts, target: Target) -> Iterator[str]:
    """Why nobody here can tell that the history holds no secret, and how it can be told."""
    from psram.facts import Gap
    from psram.worker.protocol import Ask

    history = facts.history
    if history is None or history.complete:
        return
    match history.gap:
        case Gap.SHALLOW if target.ask is Ask.URL:
            remedy = "une adresse est lue sans son passé, « git clone » puis « amcloud check DOSSIER » le lit"
        case Gap.SHALLOW:
            remedy = "« git fetch --unshallow » complète cette copie"
        case Gap.LONG | Gap.FAILED:
            remedy = "relancez la commande pour lire la suite"
        case _:
            return
    yield f"Secrets des anciens commits (SEC-001) à confirmer, {history.problem} : {remedy}."


def _above(target: Target) -> str:
    """The folder above that is a whole application, as it would be typed; empty when there is none."""
    from psram.worker.protocol import Ask

    if target.ask is Ask.URL:
        return ""
    found = next((each for each in Path(target.path).parents if (each / "composer.json").is_file()), None)
    return "" if found is None else target._replace(path=str(found)).shown() or "."


def _has_kit(facts: Facts) -> bool:
    return any(each.name == KIT for each in facts.composer.require)


def _next(report: Report, target: Target, *, mended: tuple[str, ...], decided: bool) -> Iterator[str]:
    """The next command to type; corrections are worth it where they are most of the way."""
    from psram.model import ReportVerdict, Verdict
    from psram.worker.protocol import Ask

    blocking = report.blocking(_source())
    violated = [r for r in blocking if r.verdict is Verdict.VIOLATED]
    if any(r.rule_id in mended for r in violated):
        yield f"Ensuite : {_typed('amcloud check', target.shown(), '--fix')}"
    elif blocking and report.verdict_for(_source(), confirmed_later=True) is not ReportVerdict.CONFORMING:
        first = next((r for r in blocking if not r.to_confirm), blocking[0])
        yield f"Ensuite : amcloud check --explain {first.rule_id}"
    elif report.uncommitted and report.commit:
        yield "Ensuite : git add -A, git commit, puis git push (la plateforme vérifie chaque commit poussé)"
    elif report.uncommitted:
        yield "Ensuite : git init, git add ., git commit, puis git push (la plateforme vérifie chaque commit poussé)"
    elif target.ask is not Ask.URL and not decided:
        yield "Ensuite : git push (la plateforme vérifie chaque commit poussé)"


def _source() -> frozenset[Moment]:
    from psram.rules import Moment

    return frozenset({Moment.SOURCE})


def _typed(*words: str) -> str:
    return " ".join(word for word in words if word)
