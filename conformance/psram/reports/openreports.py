"""OpenReports: a Kubernetes ``Report`` of one result a rule; the summary alone, and where to read, when it is big.

A cluster keeps objects below about 1 MB, and this one holds a state, no history: the whole report is at its address.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from psram.model import Report, RuleResult
from psram.reports import projection
from psram.reports.places import said, where
from psram.reports.presentation import Presentation
from psram.wording import counted

MAX_BYTES: Final = 256 * 1024
_RESULTS: Final = ("pass", "fail", "warn", "error", "skip")
_NAME_MAX_CHARS: Final = 253


def render(report: Report, shown: Presentation) -> bytes:
    """The resource in JSON, ready for the cluster."""
    whole = _resource(report, shown)
    content = _encoded(whole)
    if len(content) <= MAX_BYTES:
        return content
    del whole["results"]
    whole["metadata"]["annotations"]["psram/resultats"] = "résumé seulement : le détail est à psram/rapport"
    return _encoded(whole)


def _resource(report: Report, shown: Presentation) -> dict[str, Any]:
    counts = Counter(projection.open_reports(result)[0] for result in report.results)
    return {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report",
        "metadata": _metadata(report, shown),
        "source": "psram",
        "summary": {result: counts[result] for result in _RESULTS},
        "results": [_result(report, result) for result in report.results],
    }


def _metadata(report: Report, shown: Presentation) -> dict[str, Any]:
    namespace, _, name = shown.of.rpartition("/")
    parts = (name or "psram", report.stage.value, report.commit[:12] or "sans-commit")
    return {
        "name": re.sub(r"[^a-z0-9.-]+", "-", "-".join(parts).lower()).strip("-.")[:_NAME_MAX_CHARS],
        **({"namespace": namespace} if namespace else {}),
        "labels": {"psram/verdict": report.verdict.value, "psram/normes": report.pack.name},
        "annotations": {
            "psram/commit": report.commit,
            "psram/arbre": report.tree,
            "psram/empreinte-normes": report.pack.digest,
            "psram/phrase": said(report.sentence),
            **({"psram/rapport": shown.url} if shown.url else {}),
        },
    }


def _result(report: Report, result: RuleResult) -> dict[str, Any]:
    verdict, severity = projection.open_reports(result)
    day = report.evaluated_on
    return {
        "policy": report.pack.name,
        "rule": result.rule_id,
        "category": result.family,
        "source": "psram",
        "result": verdict,
        "severity": severity,
        "scored": result.blocks,
        "message": f"{result.title} : {_told(result)}",
        # the API wants an object here, not RFC 3339
        "timestamp": {"seconds": int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()), "nanos": 0},
        "properties": {
            "verdict": result.verdict.value,
            "moment": result.moment.value,
            "constats": str(result.findings_total),
            **({"derogation": said(result.derogation)} if result.derogation else {}),
        },
    }


def _told(result: RuleResult) -> str:
    label = projection.label(result)
    if result.findings:
        first = result.findings[0]
        more = f" et {counted(result.findings_total - 1, 'autre')}" if result.findings_total > 1 else ""
        return f"{label}, {where(first.path, first.line)} {said(first.message)}{more}"
    return f"{label}, {said(result.missing_evidence)}" if result.missing_evidence else label


def _encoded(resource: dict[str, Any]) -> bytes:
    return msgspec.json.encode(resource, order="sorted") + b"\n"
