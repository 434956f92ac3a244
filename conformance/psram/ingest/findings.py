"""Findings of a tool, counted one by one whatever totals its report announces, kept up to a bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from psram.ingest import xml_events
from psram.proofs import QualityFinding, QualityReport

MAX_COUNTED: Final = 1_000_000
MAX_KEPT: Final = 200
_MAX_TEXT: Final = 300
_ROOTS: Final = frozenset({"checkstyle"})


@dataclass(slots=True)
class Tally:
    """Counts of errors and warnings, and the first findings in the order of the report."""

    errors: int = 0
    warnings: int = 0
    kept: list[QualityFinding] = field(default_factory=list)

    def add(self, message: str, path: str, line: int | None, rule: str, *, error: bool) -> None:
        """One more finding.

        Raises:
            RefusedError: there are too many.
        """
        if error:
            self.errors += 1
        else:
            self.warnings += 1
        if self.errors + self.warnings > MAX_COUNTED:
            raise xml_events.RefusedError("too many")
        if len(self.kept) < MAX_KEPT:
            place = min(max(line or 0, 0), 2**31)
            self.kept.append(QualityFinding(message[:_MAX_TEXT], path[:500], place, rule[:100]))

    def report(self, tool: str, *, commit: str, trusted: bool) -> QualityReport:
        """What was counted, as a report of that tool."""
        return QualityReport(
            tool=tool,
            commit=commit,
            trusted=trusted,
            totals={"errors": float(self.errors), "warnings": float(self.warnings)},
            findings=tuple(self.kept),
            findings_total=self.errors + self.warnings,
        )


def checkstyle(content: bytes, *, what: str) -> Tally:
    """The findings of a Checkstyle report.

    Raises:
        UsageError: not such a report (document types are refused, so no entity is ever expanded).
    """
    tally = Tally()
    path = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal path
        if tag == "file":
            path = attributes.get("name", "")
        elif tag == "error":
            line = attributes.get("line", "0")
            number = int(line) if line.isascii() and line.isdigit() and len(line) <= 9 else 0  # noqa: PLR2004
            error = attributes.get("severity", "error") == "error"
            tally.add(attributes.get("message", ""), path, number, attributes.get("source", ""), error=error)

    def end(_tag: str) -> None:
        return

    xml_events.walk(content, roots=_ROOTS, start=start, end=end, what=what)
    return tally
