"""TST-002: tests run enough of the code of this commit, and not less than on the last accepted one."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome, unknown
from psram.facts import Facts
from psram.ingest.names import COBERTURA
from psram.model import Context, Finding, Giver, Outcome


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a coverage under the threshold, or that fell by more than the tolerated lines."""
    report = context.evidence.report(COBERTURA)
    if report is None or report.commit != facts.commit or report.problem:
        return unknown("le rapport de couverture (cobertura) du pipeline de ce commit", giver=Giver.PIPELINE)
    lines, covered = report.totals.get("lines", 0.0), report.totals.get("covered", 0.0)
    if not lines:
        return outcome([Finding("le rapport de couverture ne compte aucune ligne")])
    before = context.evidence.accepted.coverage if context.evidence.accepted is not None else None
    worst = [f for f in report.findings if f.path][: int(params["shown"])]
    named = ", ".join(f"{f.path} ({f.message})" for f in worst)
    return outcome(_problems(covered, lines, before, params, f" ; d'abord {named}" if named else ""))


def _problems(covered: float, lines: float, before: float | None, params: Params, named: str) -> Iterator[Finding]:
    ratio = covered / lines
    if ratio < float(params["min_ratio"]):
        yield Finding(
            f"{ratio:.0%} des lignes sont testées, {float(params['min_ratio']):.0%} attendues{named}", excerpt="mesure"
        )
    if before is not None and before * lines - covered > float(params["tolerated_lines"]):
        yield Finding(
            f"la couverture baisse : {ratio:.1%} des lignes, {before:.1%} au dernier commit accepté", excerpt="baisse"
        )
