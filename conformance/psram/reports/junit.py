"""JUnit: one test case a rule, so that a name is unique and stays when lines move; places are in its message.

GitLab drops the second of two cases of the same name without a word, and compares branches by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from psram.model import Report, RuleResult
from psram.reports import projection
from psram.reports.places import places, said, where
from psram.reports.presentation import Presentation
from psram.wording import counted

_PLACES_SHOWN: Final = 50


def render(report: Report, _shown: Presentation) -> bytes:
    """The report as XML 1.0; control characters, which XML cannot hold, are shown as escapes."""
    return "\n".join((*_lines(report), "")).encode()


def _lines(report: Report) -> Iterator[str]:
    kinds = [projection.junit(result) for result in report.results]
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }
    suite = {"name": f"PSRAM {report.pack.name}", **counts, "time": "0", "timestamp": f"{report.evaluated_on}T00:00:00"}
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites{_attributes(counts)}>"
    yield f"<testsuite{_attributes(suite)}>"
    for result, kind in zip(report.results, kinds, strict=True):
        yield from _case(report, result, kind)
    yield "</testsuite>"
    yield "</testsuites>"


def _case(report: Report, result: RuleResult, kind: str | None) -> Iterator[str]:
    first = next(iter(places(result)))
    case = {
        "classname": f"{report.pack.name}.{result.family}",
        "name": f"{result.rule_id} — {said(result.title)}",
        **({"file": said(first.path)} if first.own else {}),
        "time": "0",
    }
    if kind is None:
        yield f"<testcase{_attributes(case)}/>"
        return
    yield f"<testcase{_attributes(case)}>"
    message = {"message": _headline(result)}
    if kind == "skipped":
        yield f"<skipped{_attributes(message)}/>"
    else:
        yield f"<{kind}{_attributes({**message, 'type': result.severity.value})}>{escape(_body(result))}</{kind}>"
    yield "</testcase>"


def _headline(result: RuleResult) -> str:
    parts = (
        projection.label(result),
        result.severity.value,
        result.derogation,
        result.missing_evidence,
        f"à fournir par : {result.giver}" if result.giver else "",
        result.reason,
    )
    return " ; ".join(said(part) for part in parts if part)


def _body(result: RuleResult) -> str:
    shown = [
        f"{where(finding.path, finding.line)} {said(finding.message)}".strip()
        for finding in result.findings[:_PLACES_SHOWN]
    ]
    left = result.findings_total - len(shown)
    more = [f"… et {counted(left, 'autre')}"] if left > 0 else []
    remedy = [f"Remède : {said(result.remedy)}"] if result.remedy else []
    return "\n".join((*shown, *more, *remedy))


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items())
