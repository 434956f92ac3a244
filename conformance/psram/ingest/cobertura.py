"""Cobertura reports: covered lines counted one by one, never the rates that the report announces."""

from __future__ import annotations

from typing import Final

from psram.ingest import xml_events
from psram.ingest.names import COBERTURA
from psram.proofs import QualityFinding, QualityReport
from psram.wording import counted

TOOL: Final = COBERTURA
MAX_LINES: Final = 500_000
MAX_NAMED: Final = 20
_ROOTS: Final = frozenset({"coverage"})


def read(content: bytes, *, commit: str, trusted: bool) -> QualityReport:
    """The report's totals (``lines``, ``covered``) and the files with the most lines that no test runs.

    ``commit`` is the pipeline's; ``trusted`` says that the platform itself fetched the report.

    Raises:
        UsageError: not a Cobertura report.
    """
    reader = _Reader()
    xml_events.walk(content, roots=_ROOTS, start=reader.start, end=reader.end, what="le rapport de couverture")
    return QualityReport(
        tool=TOOL,
        commit=commit,
        trusted=trusted,
        totals={"lines": float(reader.total()), "covered": float(reader.covered())},
        findings=tuple(reader.missed()),
        findings_total=reader.missing_files(),
    )


class _Reader:
    """Collects which lines of which file a test ran; a line seen twice is covered when one of them is."""

    def __init__(self) -> None:
        self._files: dict[str, dict[int, bool]] = {}
        self._lines: dict[int, bool] | None = None
        self._in_methods = 0
        self._seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if tag == "class":
            self._lines = self._files.setdefault(attributes.get("filename", "")[:500], {})
        elif tag == "methods":
            self._in_methods += 1
        elif tag == "line" and self._lines is not None and not self._in_methods:
            number, hits = _number(attributes.get("number")), _number(attributes.get("hits"))
            self._seen += 1
            if self._seen > MAX_LINES:
                raise xml_events.RefusedError("too many")
            self._lines[number] = self._lines.get(number, False) or hits > 0

    def end(self, tag: str) -> None:
        """An element closes."""
        if tag == "class":
            self._lines = None
        elif tag == "methods":
            self._in_methods -= 1

    def total(self) -> int:
        """Lines that a test could run."""
        return sum(len(lines) for lines in self._files.values())

    def covered(self) -> int:
        """Lines that a test ran."""
        return sum(sum(lines.values()) for lines in self._files.values())

    def missing_files(self) -> int:
        """Files with a line that no test runs."""
        return sum(not all(lines.values()) for lines in self._files.values())

    def missed(self) -> list[QualityFinding]:
        """The files with the most lines that no test runs, in order."""
        holes = [(path, len(lines), [n for n, run in lines.items() if not run]) for path, lines in self._files.items()]
        worst = sorted((h for h in holes if h[2]), key=lambda h: (-len(h[2]), h[0]))[:MAX_NAMED]
        return [
            QualityFinding(f"{counted(len(missed), 'ligne')} sur {total} sans test", path, min(missed))
            for path, total, missed in worst
        ]


def _number(text: str | None) -> int:
    """A count of the report.

    Raises:
        RefusedError: neither a number nor a plausible one.
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004  fits 64 bits
        raise xml_events.RefusedError("number")
    return int(text)
