"""A report for a terminal: grouped by rule, on one screen, ending with the next command to type.

What is shown of each rule (places, remedy) grows and shrinks with the room there is; ``full`` shows everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from psram.model import Finding, Moment, Report, ReportVerdict, RuleResult, Verdict, printable
from psram.path import duration
from psram.reports import baseline, projection
from psram.reports.presentation import Presentation
from psram.reports.screen import Line, drawn, height
from psram.rules import Severity
from psram.wording import counted

_ALL: Final = 1_000_000
_NAMES_SHOWN: Final = 3
_VERDICT_COLOURS: Final = {
    ReportVerdict.CONFORMING: "green",
    ReportVerdict.VIOLATED: "red",
    ReportVerdict.UNKNOWN: "yellow",
}
_MARKS: Final = {baseline.State.NEW: "nouveau  ", baseline.State.UNCHANGED: "déjà là  ", baseline.State.ABSENT: ""}


class _Detail(NamedTuple):
    """How much is said of each rule; a negative number of places puts the first one on the rule's own line."""

    places: int
    remedy: bool
    steps: int
    spaced: bool = False
    cut: bool = False
    terse: bool = False


_DETAILS: Final = (
    _Detail(5, True, 0, spaced=True),
    _Detail(2, True, 0, spaced=True),
    _Detail(1, True, 0),
    _Detail(2, False, 2),
    _Detail(1, False, 2),
    _Detail(1, False, 0),
    _Detail(1, False, 0, cut=True),
    _Detail(-1, False, 0),
    _Detail(-1, False, 0, terse=True),
)
"""From the most told to the least: the first that fits the screen is taken."""
_EVERYTHING: Final = _Detail(_ALL, True, _ALL, spaced=True)


def render(report: Report, shown: Presentation) -> bytes:
    """The text, with a final newline; lines are folded only where a width is given."""
    lines = _lines(report, shown)
    text = [part for line in lines for part in drawn(line, shown.width, colour=shown.colour)]
    return ("\n".join(text) + "\n").encode()


def _lines(report: Report, shown: Presentation) -> list[Line]:
    change = None if shown.previous is None else baseline.compare(report, shown.previous)

    def said(detail: _Detail, rules: int = _ALL) -> list[Line]:
        return list(_Writer(report, shown, detail, rules, change).lines())

    if shown.full:
        return said(_EVERYTHING)
    room = max(shown.height, 12) - 1  # the prompt comes after
    for detail in _DETAILS:
        lines = said(detail)
        if height(lines, shown.width) <= room:
            return lines
    least = said(_DETAILS[-1], 0)
    rules = max(1, room - height(least, shown.width) - 1)  # and the empty line before them
    return said(_DETAILS[-1], rules)


class _Writer:
    def __init__(
        self, report: Report, shown: Presentation, detail: _Detail, rules: int, change: baseline.Comparison | None
    ) -> None:
        self._report = report
        self._shown = shown
        self._detail = detail
        self._rules = rules
        self._change = change
        counting = [r for r in report.results if r.moment in shown.moments]
        self._violated = sorted((r for r in counting if r.verdict is Verdict.VIOLATED), key=_weight)
        self._doubts = [r for r in counting if r.verdict in (Verdict.UNKNOWN, Verdict.NOT_EVALUATED)]
        self._later = [r for r in report.results if r.moment not in shown.moments]

    def lines(self) -> Iterator[Line]:
        yield self._heading()
        yield from self._notes()
        yield from self._broken()
        yield Line("")
        yield from self._steps()
        yield from self._undecided()
        yield from self._afterwards()
        yield from (Line(text, hang=4) for text in self._shown.footer)

    def _heading(self) -> Line:
        report = self._report
        verdict = self._verdict()
        said = projection.REPORT_VERDICTS[verdict].upper()
        commit = report.commit[:12] if report.commit else "sans commit"
        where = f"({report.pack.name}, {report.track.value}, {report.stage.value}, {commit})"
        return Line(f"{said}  {where}", painted=len(said), colours=(_VERDICT_COLOURS[verdict], "bold"))

    def _notes(self) -> Iterator[Line]:
        files = [printable(path) for path in self._report.uncommitted]
        if files and not self._report.commit:
            yield Line("Dossier sans commit : ses fichiers sont lus tels quels")
        elif files:
            one = len(files) == 1
            head = "1 fichier non validé vérifié" if one else f"{len(files)} fichiers non validés vérifiés"
            yield Line(f"{head} avec le reste : {_some(files)}", hang=4)
        if self._report.hidden:
            hidden = [printable(path) for path in self._report.hidden]
            head = counted(len(hidden), "fichier caché", "fichiers cachés")
            yield Line(f"{head} des archives par export-ignore (.gitattributes), lus ici : {_some(hidden)}", hang=4)
        if self._report.pack_notice:
            yield Line(self._report.pack_notice)
        if self._report.informative:
            yield Line("Filière hors-standard : à titre d'information, l'application est cataloguée, jamais hébergée.")
        if self._change is not None:
            before = self._change.previous_commit[:12] or "le rapport donné"
            yield Line(f"Depuis {before} : {self._change.sentence()}", hang=4)
        if self._shown.full and self._report.tenancy is not None:
            yield Line(f"Isolation : {self._report.tenancy.sentence()} ; la matrice est dans --format html", hang=4)
        yield from self._until()
        yield from self._advisories()
        for result in self._report.results:
            if result.verdict is Verdict.CONFORMING and result.reason:
                yield Line(f"{result.rule_id} : {result.reason}", hang=4)
        yield from (Line(text, hang=4) for text in self._shown.notes)

    def _advisories(self) -> Iterator[Line]:
        """Why a database that was given does not count: among the rules to confirm nobody would see it."""
        if not self._report.advisories_digest or self._shown.full:
            return
        for result in self._report.results:
            if result.rule_id == projection.ADVISED and result.verdict is Verdict.UNKNOWN and not result.findings:
                yield Line(f"{result.rule_id} attend {result.missing_evidence}", hang=4)

    def _until(self) -> Iterator[Line]:
        """Until when a conforming application stays so though nobody touches it."""
        horizon, verdict = self._report.horizon, self._verdict()
        if horizon is None or horizon.on is None:
            return
        if verdict is not ReportVerdict.CONFORMING or horizon.verdict is not ReportVerdict.VIOLATED:
            if self._shown.full:
                yield Line(horizon.sentence, hang=4)
            return
        reasons = horizon.reasons if self._shown.full else horizon.reasons[:1]
        more = len(horizon.reasons) - len(reasons)
        others = f" et {more} autre{'s' if more > 1 else ''} raison{'s' if more > 1 else ''}" if more else ""
        because = " ; ".join(reasons)
        yield Line(f"Conforme jusqu'au {horizon.on - timedelta(days=1)}, parce que {because}{others}", hang=4)

    def _verdict(self) -> ReportVerdict:
        return self._report.verdict_for(self._shown.moments, confirmed_later=not self._shown.decided)

    def _broken(self) -> Iterator[Line]:
        shown = self._violated[: self._rules]
        for number, result in enumerate(shown):
            if self._detail.spaced or number == 0:
                yield Line("")
            yield from self._rule(result)
        left = len(self._violated) - len(shown)
        if left:
            yield Line(f"… et {left} autre{'s règles' if left > 1 else ' règle'}")

    def _rule(self, result: RuleResult) -> Iterator[Line]:
        colour = "red" if result.blocks else "yellow"
        through = ", bloque" if result.blocks and result.severity is not Severity.BLOCKING else ""
        severity = f"{result.severity.value}{through}"
        name = f"✘ {result.rule_id}"
        if self._detail.places < 0:
            yield Line(f"{name} {_counted(result)}", painted=len(name), colours=(colour, "bold"), cut=True)
            return
        tag = f"  [{severity}]"
        if result.blocks and 0 < self._shown.width < len(name) + 1 + len(result.title) + len(tag):
            tag = ""  # the colour says it
        if self._detail.cut and result.findings_total > 1:
            tag = f"  [{severity}, {result.findings_total} endroits]"
        said = f"{name} {result.title}{tag}"
        yield Line(said, painted=len(name), colours=(colour, "bold"), hang=4, cut=self._detail.cut)
        shown = result.findings[: self._detail.places]
        for finding in shown:
            yield Line(
                f"    {self._state(finding)}{_place(finding)}{printable(finding.message)}", hang=8, cut=self._detail.cut
            )
        left = result.findings_total - len(shown)
        if left > 0 and not self._detail.cut:
            yield Line(f"    … et {left} autre{'s' if left > 1 else ''} endroit{'s' if left > 1 else ''}")
        if self._detail.remedy:
            yield Line(f"    → {result.remedy}", hang=6)

    def _state(self, finding: Finding) -> str:
        state = self._change.state(finding.fingerprint) if self._change is not None else None
        return _MARKS[state] if state is not None else ""

    def _steps(self) -> Iterator[Line]:
        """The shortest path, of what the asker can do himself."""
        broken = {r.rule_id for r in self._violated}
        path = self._report.path
        actions = [action for action in path.actions if broken & set(action.rules)] if path is not None else []
        if not actions:
            return
        several = "s" if len(actions) > 1 else ""
        hours = duration(sum(action.hours for action in actions))
        least = "au moins " if any(r.verdict is Verdict.NOT_EVALUATED for r in self._doubts) else ""
        mended = (*self._shown.mended, *(f"une partie de {rule}" for rule in self._shown.partly))
        some = f" (--fix corrige {', '.join(mended)})" if mended else ""
        towards = "Pour satisfaire aux normes" if self._report.informative else "Plus court chemin vers l'hébergement"
        yield Line(f"{towards} : {least}{len(actions)} action{several}, environ {hours}{some}", hang=4)
        yield from self._threshold()
        for number, action in enumerate(actions[: self._detail.steps], 1):
            what = "" if self._detail.remedy else f" : {action.title}"
            said = f"  {number}. {', '.join(action.rules)}, environ {duration(action.hours)}{what}"
            yield Line(said, hang=5, cut=not self._shown.full)

    def _threshold(self) -> Iterator[Line]:
        """Why majeure rules block, and how many of them the whole path corrects."""
        through = [r for r in self._report.results if r.blocks and r.severity is Severity.MAJOR and r.reason]
        actions = self._report.path.actions if self._report.path is not None else ()
        corrected = {rule for action in actions for rule in action.rules}
        needed = sum(r.rule_id in corrected for r in through)
        if needed:
            yield Line(f"  {through[0].reason} : en corriger {needed} suffit", hang=4)

    def _undecided(self) -> Iterator[Line]:
        """What could not be told, each reason once."""
        reasons: dict[tuple[bool, str], list[RuleResult]] = {}
        for result in self._doubts:
            together = "" if result.to_confirm and not self._shown.full else result.missing_evidence
            reasons.setdefault((result.to_confirm, together), []).append(result)
        for (confirm, reason), results in reasons.items():
            if len(results) == 1:
                yield from self._doubt(results[0])
            elif self._detail.terse:
                if not confirm:
                    yield Line(f"? {len(results)} règles : {reason}", painted=1, colours=("yellow",), cut=True)
            elif confirm and not reason:
                yield Line(f"À confirmer par la plateforme : {', '.join(r.rule_id for r in results)}", hang=4)
            else:
                ids = ", ".join(r.rule_id for r in results)
                yield Line(f"? {len(results)} règles : {reason} ({ids})", painted=1, colours=("yellow",), hang=4)

    def _doubt(self, result: RuleResult) -> Iterator[Line]:
        name, label = f"? {result.rule_id}", projection.label(result)
        said = f"{name} {result.title} : {label} ({result.missing_evidence})"
        yield Line(said, painted=len(name), colours=("yellow",), hang=4, cut=self._detail.terse)
        for finding in () if self._detail.terse else result.findings[: max(1, self._detail.places)]:
            yield Line(f"    {_place(finding)}{printable(finding.message)}", hang=8)

    def _afterwards(self) -> Iterator[Line]:
        told = [r for r in self._later if r.verdict in (Verdict.UNKNOWN, Verdict.TO_VALIDATE, Verdict.NOT_EVALUATED)]
        for result in self._later:
            if result.verdict is Verdict.VIOLATED:
                yield from self._rule(result)
        signed = [r.rule_id for r in self._report.results if r.verdict is Verdict.TO_VALIDATE and r not in self._later]
        if signed:
            yield Line(f"À valider par une personne, sur pièce signée : {', '.join(signed)}", hang=4)
        if told and self._detail.terse:
            waiting = len(told) + sum(r.to_confirm for r in self._doubts)
            yield Line(f"À confirmer ou à vérifier par la plateforme : {waiting} règles")
        elif told:
            yield Line(f"À vérifier par la plateforme : {', '.join(_later(told))}", hang=4)
        fine = sum(r.verdict is Verdict.CONFORMING for r in self._report.results)
        rules = f"{fine} règle{'s respectées' if fine > 1 else ' respectée'} sur {len(self._report.results)}"
        files = f"{self._report.files} fichier{'s lus' if self._report.files > 1 else ' lu'}"
        more = " ; tous les endroits : --full" if self._hidden() else ""
        yield Line(f"{rules}, {files}{more}", painted=_ALL, colours=("dim",))

    def _hidden(self) -> bool:
        """Whether something of the broken rules is left out."""
        known = [*self._violated[: self._rules], *(r for r in self._later if r.verdict is Verdict.VIOLATED)]
        cut = any(r.findings_total > max(1, self._detail.places) for r in known)
        return cut or len(self._violated) > self._rules or (bool(known) and not self._detail.remedy)


def _later(results: Sequence[RuleResult]) -> Iterator[str]:
    """Rule ids, each moment once."""
    for moment in Moment:
        ids = [r.rule_id for r in results if r.moment is moment]
        if ids:
            yield f"{', '.join(ids)} ({projection.MOMENTS[moment]})"


def _weight(result: RuleResult) -> tuple[bool, str]:
    return (not result.blocks, result.rule_id)


def _some(names: Sequence[str]) -> str:
    more = f" et {len(names) - _NAMES_SHOWN} autres" if len(names) > _NAMES_SHOWN + 1 else ""
    return ", ".join(names[:_NAMES_SHOWN] if more else names) + more


def _counted(result: RuleResult) -> str:
    """The title with the first place, after how many there are: the end of the line may be cut."""
    first = result.findings[0] if result.findings else None
    where = _place(first).rstrip() if first is not None else ""
    times = f"×{result.findings_total} " if result.findings_total > 1 else ""
    return f"{times}{result.title}{f' ({where})' if where else ''}"


def _place(finding: Finding) -> str:
    if not finding.path:
        return ""
    path = printable(finding.path)
    return f"{path}:{finding.line}  " if finding.line else f"{path}  "
