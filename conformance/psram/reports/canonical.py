"""Canonical JSON of a report."""

from __future__ import annotations

import msgspec

from psram.model import Report


def render(report: Report) -> bytes:
    """Sorted keys, no space, UTF-8, one final newline."""
    return msgspec.json.encode(report, order="sorted") + b"\n"


def parse(content: bytes) -> Report:
    """The report that :func:`render` wrote. Raises ``msgspec.DecodeError`` on anything else."""
    return msgspec.json.decode(content, type=Report)
