"""What a reader is told beside the report. Nothing here is part of the verdict, nor of the canonical JSON."""

from __future__ import annotations

from dataclasses import dataclass

from psram.model import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How a report is shown, by whoever knows more than the report does.

    ``of`` names the application (``namespace/app`` where there is one); ``links`` are pairs of words and address;
    ``url`` is the report's permanent address; ``previous`` is the report of the last accepted commit, against which
    findings are new, known or gone; ``rules_url`` is where the rules' pages are, ending with a slash.
    ``colour`` and ``full`` concern the terminal only.
    """

    of: str = ""
    links: tuple[tuple[str, str], ...] = ()
    url: str = ""
    previous: Report | None = None
    rules_url: str = ""
    colour: bool = False
    full: bool = False
