"""The HTML page of a report: verdict first, then what to do, then evidence, then all rules. Everything is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from psram.model import Finding, Report, RuleResult, Verdict, printable
from psram.reports import projection
from psram.reports.presentation import Presentation

_SHOWN_FINDINGS = 50


def render(report: Report, shown: Presentation) -> bytes:
    """The page; the same report gives the same bytes."""
    failing = tuple(r for r in report.results if r.verdict is Verdict.VIOLATED)
    unsettled = tuple(r for r in report.results if r.verdict in (Verdict.UNKNOWN, Verdict.NOT_EVALUATED))
    page: str = _template().render(
        report=report,
        of=shown.of,
        links=shown.links,
        verdict=projection.REPORT_VERDICTS[report.verdict],
        failing=sorted(failing, key=lambda r: (not r.blocks, r.rule_id)),
        unsettled=unsettled,
        counts=_counts(report),
        label=projection.label,
        moments=projection.MOMENTS,
        place=_place,
        printable=printable,
        shown=_SHOWN_FINDINGS,
    )
    return page.encode()


def _counts(report: Report) -> list[tuple[str, int]]:
    by_label: dict[str, int] = {}
    for result in report.results:
        name = projection.label(result)
        by_label[name] = by_label.get(name, 0) + 1
    return sorted(by_label.items(), key=lambda item: (-item[1], item[0]))


def _place(finding: Finding) -> str:
    path = printable(finding.path)
    return f"{path}:{finding.line}" if finding.line else path


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


__all__ = ["RuleResult", "render"]
