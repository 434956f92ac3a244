"""Reports of PHPStan, in its JSON, GitLab or Checkstyle format."""

from __future__ import annotations

from typing import Final

import msgspec

from psram.errors import UsageError
from psram.ingest import findings, strict, xml_events
from psram.proofs import QualityReport

TOOL: Final = "phpstan"
_WHAT: Final = "le rapport PHPStan"


class _Message(msgspec.Struct):
    message: str
    line: int | None = None
    identifier: str = ""


class _File(msgspec.Struct):
    messages: list[_Message] = []


class _Report(msgspec.Struct):
    files: dict[str, _File] | list[_File]  # PHP writes an empty object as []
    errors: list[str] = []


class _Lines(msgspec.Struct):
    begin: int = 0


class _Location(msgspec.Struct):
    path: str = ""
    lines: _Lines = msgspec.field(default_factory=_Lines)


class _Issue(msgspec.Struct):
    description: str
    location: _Location = msgspec.field(default_factory=_Location)
    check_name: str = ""


def read(content: bytes, *, commit: str, trusted: bool) -> QualityReport:
    """The report's findings, counted one by one; errors that concern no file as well. ``commit`` is the pipeline's.

    Raises:
        UsageError: not a report of PHPStan.
    """
    try:
        tally = _tally(content)
    except xml_events.RefusedError as error:
        raise UsageError(f"{_WHAT} contient trop de remarques") from error
    return tally.report(TOOL, commit=commit, trusted=trusted)


def _tally(content: bytes) -> findings.Tally:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return findings.checkstyle(content, what=_WHAT)
    tally = findings.Tally()
    if start == b"[":
        issues: list[_Issue] = strict.loads(content, list[_Issue], what=_WHAT)
        for issue in issues:
            where = issue.location
            tally.add(issue.description, where.path, where.lines.begin, issue.check_name, error=True)
        return tally
    report: _Report = strict.loads(content, _Report, what=_WHAT)
    for path, file in report.files.items() if isinstance(report.files, dict) else ():
        for said in file.messages:
            tally.add(said.message, path, said.line, said.identifier, error=True)
    for message in report.errors:
        tally.add(message, "", 0, "", error=True)
    return tally
