"""GitLab Code Quality: one array of problems. GitLab itself tells new ones from known ones, by fingerprint.

Where the report is compared with another, each problem says it too, in SARIF's words; GitLab ignores keys that it does
not know. A problem that is gone has no place in an array of problems.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from psram.model import Report
from psram.reports import baseline, projection
from psram.reports.places import Place, places
from psram.reports.presentation import Presentation


def render(report: Report, shown: Presentation) -> bytes:
    """The array, in UTF-8 without a byte order mark: GitLab refuses one."""
    change = None if shown.previous is None else baseline.compare(report, shown.previous)
    return msgspec.json.encode(list(_problems(report, change)), order="sorted") + b"\n"


def _problems(report: Report, change: baseline.Comparison | None) -> Iterator[dict[str, object]]:
    for result in report.results:
        severity = projection.code_quality(result)
        if severity is not None:
            yield from (_problem(place, severity, change) for place in places(result))


def _problem(place: Place, severity: str, change: baseline.Comparison | None) -> dict[str, object]:
    state = None if change is None else change.state(place.fingerprint)
    return {
        **({} if state is None else {"baselineState": state}),
        "check_name": place.result.rule_id,
        "description": f"{place.result.rule_id} {place.result.title} : {place.message}",
        "fingerprint": place.fingerprint,
        "location": {"path": place.path, "lines": {"begin": place.line}},
        "severity": severity,
    }
