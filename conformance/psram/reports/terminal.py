"""A report for a terminal: grouped by rule, about a screen long, ending with the next command to type."""

from __future__ import annotations

from collections.abc import Iterator

from psram.model import Finding, Moment, Report, ReportVerdict, RuleResult, Verdict, printable
from psram.reports import projection
from psram.reports.presentation import Presentation
from psram.rules import Severity

_RULES_SHOWN = 6
_PLACES_SHOWN = 2
_SOURCE = frozenset({Moment.SOURCE})
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def render(report: Report, shown: Presentation) -> bytes:
    """The text, with a final newline."""
    return ("\n".join(_Writer(shown.colour, shown.full).lines(report)) + "\n").encode()


class _Writer:
    def __init__(self, colour: bool, full: bool) -> None:
        self._colour = colour
        self._full = full

    def lines(self, report: Report) -> Iterator[str]:
        yield self._heading(report)
        yield from self._notes(report)
        source = [r for r in report.results if r.moment is Moment.SOURCE]
        violated = sorted((r for r in source if r.verdict is Verdict.VIOLATED), key=_weight)
        shown = violated if self._full else violated[:_RULES_SHOWN]
        for result in shown:
            yield ""
            yield from self._rule(result)
        if len(violated) > len(shown):
            yield ""
            yield f"… et {len(violated) - len(shown)} autre(s) règle(s) : ajoutez --full"
        yield from self._doubts(source)
        yield from self._later(report)

    def _heading(self, report: Report) -> str:
        verdict = report.verdict_for(_SOURCE, confirmed_later=True)
        colours = {ReportVerdict.CONFORMING: "green", ReportVerdict.VIOLATED: "red", ReportVerdict.UNKNOWN: "yellow"}
        said = self._paint(projection.REPORT_VERDICTS[verdict].upper(), colours[verdict], "bold")
        commit = report.commit[:12] if report.commit else "sans commit"
        where = f"{report.pack.name}, {report.track.value}, {report.stage.value}, {commit}"
        return f"{said}  {self._paint(f'({where})', 'dim')}"

    def _notes(self, report: Report) -> Iterator[str]:
        if report.uncommitted:
            names = ", ".join(printable(p) for p in report.uncommitted[:3])
            more = f" et {len(report.uncommitted) - 3} autre(s)" if len(report.uncommitted) > 3 else ""  # noqa: PLR2004
            yield f"{len(report.uncommitted)} fichier(s) non validé(s) vérifié(s) avec le reste : {names}{more}"
        if report.informative:
            yield "Filière hors standard : à titre d'information, l'application sera cataloguée et non hébergée."

    def _rule(self, result: RuleResult) -> Iterator[str]:
        colour = "red" if result.blocks else "yellow"
        severity = "bloquante" if result.blocks and result.severity is not Severity.BLOCKING else result.severity.value
        name = self._paint(f"✘ {result.rule_id}", colour, "bold")
        yield f"{name} {result.title}  {self._paint(f'[{severity}]', colour)}"
        shown = result.findings if self._full else result.findings[:_PLACES_SHOWN]
        for finding in shown:
            yield f"    {_place(finding)}{printable(finding.message)}"
        if result.findings_total > len(shown):
            yield f"    … et {result.findings_total - len(shown)} autre(s) endroit(s)"
        yield f"    {self._paint('→', 'bold')} {result.remedy}"

    def _doubts(self, source: list[RuleResult]) -> Iterator[str]:
        doubts = [r for r in source if r.verdict in (Verdict.UNKNOWN, Verdict.NOT_EVALUATED)]
        if doubts:
            yield ""
        for result in doubts:
            name = projection.label(result)
            yield f"{self._paint('? ' + result.rule_id, 'yellow')} {result.title} : {name} ({result.missing_evidence})"
            for finding in result.findings[:_PLACES_SHOWN]:
                yield f"    {_place(finding)}{printable(finding.message)}"

    def _later(self, report: Report) -> Iterator[str]:
        later = [r for r in report.results if r.moment is not Moment.SOURCE]
        told = [f"{r.rule_id} ({projection.MOMENTS[r.moment]} : {projection.label(r)})" for r in later if _open(r)]
        yield ""
        if told:
            yield f"À vérifier par la plateforme : {', '.join(told)}"
        for result in later:
            if result.verdict is Verdict.VIOLATED:
                yield from self._rule(result)
        fine = sum(r.verdict is Verdict.CONFORMING for r in report.results)
        yield self._paint(
            f"{fine} règle(s) respectée(s) sur {len(report.results)}, {report.files} fichier(s) lu(s)", "dim"
        )

    def _paint(self, text: str, *colours: str) -> str:
        if not self._colour:
            return text
        return f"\x1b[{';'.join(_COLOURS[c] for c in colours)}m{text}\x1b[0m"


def _open(result: RuleResult) -> bool:
    return result.verdict in (Verdict.UNKNOWN, Verdict.TO_VALIDATE, Verdict.NOT_EVALUATED)


def _weight(result: RuleResult) -> tuple[bool, str]:
    return (not result.blocks, result.rule_id)


def _place(finding: Finding) -> str:
    if not finding.path:
        return ""
    path = printable(finding.path)
    return f"{path}:{finding.line}  " if finding.line else f"{path}  "
