"""The HTML page of a report, for an auditor: verdict, what to do, what is missing, isolation, derogations, annexes.

The template says the order and the words; here is what it is given. Every value is shown on one line, bounded, control
characters as escapes, then escaped for HTML: the environment does it, so that no expression can forget it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from psram.model import Finding, Report, RuleResult, Verdict
from psram.path import duration
from psram.reports import baseline, canonical, projection
from psram.reports.places import said, where
from psram.reports.presentation import Presentation
from psram.reports.typography import spaced
from psram.tenancy.report import CellVerdict
from psram.wording import counted

FINDINGS_SHOWN: Final = 50
FILES_SHOWN: Final = 200
ROWS_SHOWN: Final = 100
PROOFS_SHOWN: Final = 3
PROOF_MAX_CHARS: Final = 90
DOUBTS_SHOWN: Final = 5
_WORD: Final = re.compile(r"[a-zà-öø-ÿœ]+(?:[ ,;'’]|$)")
_UNSETTLED: Final = (Verdict.UNKNOWN, Verdict.NOT_EVALUATED, Verdict.TO_VALIDATE)
_STATES: Final = {
    baseline.State.NEW: "nouveau",
    baseline.State.UNCHANGED: "déjà connu",
    baseline.State.ABSENT: "disparu",
}


def render(report: Report, shown: Presentation) -> bytes:
    """The page; the same report gives the same bytes."""
    broken = sorted((r for r in report.results if r.verdict is Verdict.VIOLATED), key=lambda r: r.rule_id)
    change = None if shown.previous is None else baseline.compare(report, shown.previous)
    page: str = _template().render(
        report=report,
        shown=shown,
        projection=projection,
        blocking=[r for r in broken if r.blocks],
        others=[r for r in broken if not r.blocks],
        unsettled=sorted((r for r in report.results if r.verdict in _UNSETTLED), key=_weight),
        counts=_counts(report),
        digest=shown.digest or hashlib.sha256(canonical.render(report)).hexdigest(),
        narrowed=None if shown.decided else report.verdict_for(shown.moments, confirmed_later=True),
        change=change,
        listed=lambda result: _listed(result, change),
        state=lambda finding: _state(finding, change),
        where=where,
        duration=duration,
        cells_counted=_cells_counted(report),
        findings_shown=FINDINGS_SHOWN,
        rows_shown=ROWS_SHOWN,
        proofs_shown=PROOFS_SHOWN,
        proof_max=PROOF_MAX_CHARS,
        doubts_shown=DOUBTS_SHOWN,
        said=said,
        files_shown=FILES_SHOWN,
    )
    return spaced(page).encode()


def _listed(result: RuleResult, change: baseline.Comparison | None) -> list[Finding]:
    """The findings that are shown, new ones first where that is known."""
    known = result.findings
    if change is not None:
        known = tuple(sorted(known, key=lambda f: f.fingerprint not in change.new))
    return list(known[:FINDINGS_SHOWN])


def _state(finding: Finding, change: baseline.Comparison | None) -> str:
    state = None if change is None else change.state(finding.fingerprint)
    return "non comparable" if state is None else _STATES[state]


def _counts(report: Report) -> list[tuple[str, int]]:
    """How many rules have each verdict, in the order of the projection table."""
    order = [each.label for each in projection.VERDICTS.values()] + ["à confirmer"]
    counted = Counter(projection.label(result) for result in report.results)
    return sorted(counted.items(), key=lambda item: order.index(item[0]))


def _cells_counted(report: Report) -> list[tuple[CellVerdict, int]]:
    """How many cells of the matrix have each verdict, the worst first."""
    if report.tenancy is None:
        return []
    order = (CellVerdict.VIOLATED, CellVerdict.UNKNOWN, CellVerdict.CONFORMING, CellVerdict.NOT_APPLICABLE)
    counted = ((verdict, report.tenancy.count(verdict)) for verdict in order)
    return [(verdict, count) for verdict, count in counted if count]


def _weight(result: RuleResult) -> tuple[bool, str]:
    return (not result.blocks, result.rule_id)


def _shown(value: Any) -> Any:
    return said(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _phrase(text: str) -> str:
    """The text with a capital, where it begins with a word and not with a name such as ``composer.json``."""
    return text[:1].upper() + text[1:] if _WORD.match(text) else text


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["nombre"] = counted
    environment.filters["phrase"] = _phrase
    environment.filters["jour"] = lambda day: day.strftime("%d/%m/%Y")
    return environment.get_template("report.html.j2")
