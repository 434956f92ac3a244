"""GitLab Code Quality: one array of problems. GitLab itself tells new ones from known ones, by fingerprint."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from psram.model import Report
from psram.reports import projection
from psram.reports.places import Place, places
from psram.reports.presentation import Presentation


def render(report: Report, _shown: Presentation) -> bytes:
    """The array, in UTF-8 without a byte order mark: GitLab refuses one."""
    return msgspec.json.encode(list(_problems(report)), order="sorted") + b"\n"


def _problems(report: Report) -> Iterator[dict[str, object]]:
    for result in report.results:
        severity = projection.code_quality(result)
        if severity is not None:
            yield from (_problem(place, severity) for place in places(result))


def _problem(place: Place, severity: str) -> dict[str, object]:
    return {
        "check_name": place.result.rule_id,
        "description": f"{place.result.rule_id} {place.result.title} : {place.message}",
        "fingerprint": place.fingerprint,
        "location": {"path": place.path, "lines": {"begin": place.line}},
        "severity": severity,
    }
