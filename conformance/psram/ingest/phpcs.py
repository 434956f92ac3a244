"""Reports of PHP_CodeSniffer, in its JSON or Checkstyle format."""

from __future__ import annotations

from typing import Final

import msgspec

from psram.errors import UsageError
from psram.ingest import findings, strict, xml_events
from psram.proofs import QualityReport

TOOL: Final = "phpcs"
_WHAT: Final = "le rapport phpcs"


class _Message(msgspec.Struct):
    message: str
    source: str = ""
    type: str = "ERROR"
    line: int = 0


class _File(msgspec.Struct):
    messages: list[_Message] = []


class _Report(msgspec.Struct):
    files: dict[str, _File] | list[_File]  # PHP writes an empty object as []


def read(content: bytes, *, commit: str, trusted: bool) -> QualityReport:
    """The report's findings, counted one by one. ``commit`` is the pipeline's.

    Raises:
        UsageError: not a report of phpcs.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        tally = findings.checkstyle(content, what=_WHAT)
        return tally.report(TOOL, commit=commit, trusted=trusted)
    report: _Report = strict.loads(content, _Report, what=_WHAT)
    tally = findings.Tally()
    try:
        for path, file in report.files.items() if isinstance(report.files, dict) else ():
            for said in file.messages:
                tally.add(said.message, path, said.line, said.source, error=said.type.upper() == "ERROR")
    except xml_events.RefusedError as error:
        raise UsageError(f"{_WHAT} contient trop de remarques") from error
    return tally.report(TOOL, commit=commit, trusted=trusted)
