"""A report's forms, all drawn from one model through one projection table."""

from __future__ import annotations

from psram.model import Report

__all__ = ["canonical_json", "html", "text"]


def canonical_json(report: Report) -> bytes:
    """The report in canonical JSON: sorted keys, no space, one final newline; same report, same bytes."""
    from psram.reports import canonical

    return canonical.render(report)


def html(report: Report, *, of: str = "", links: tuple[tuple[str, str], ...] = ()) -> str:
    """The report as one self-contained page in French; see ``page.render``."""
    from psram.reports import page

    return page.render(report, of=of, links=links)


def text(report: Report, *, colour: bool = False, full: bool = False) -> str:
    """The report for a terminal, in French, about a screen long unless ``full``."""
    from psram.reports import terminal

    return terminal.render(report, colour=colour, full=full)
