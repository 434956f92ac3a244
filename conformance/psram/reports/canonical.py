"""Canonical JSON of a report."""

from __future__ import annotations

import msgspec

from psram.model import Report
from psram.reports.presentation import Presentation


def render(report: Report, _shown: Presentation = Presentation()) -> bytes:
    """Sorted keys, no space, UTF-8, one final newline; nothing of the presentation."""
    return msgspec.json.encode(report, order="sorted") + b"\n"


def parse(content: bytes) -> Report:
    """The report that :func:`render` wrote. Raises ``msgspec.DecodeError`` on anything else."""
    try:
        return msgspec.json.decode(content, type=Report)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def schema() -> bytes:
    """The JSON Schema of a report, drawn from the model: what ``docs/rapport.schema.json`` publishes."""
    drawn = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rapport de conformité PSRAM (psram.report/1)",
        **msgspec.json.schema(Report),
    }
    return msgspec.json.format(msgspec.json.encode(drawn, order="sorted"), indent=2) + b"\n"
