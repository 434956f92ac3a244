"""What a reader is told beside the report. Nothing here is part of the verdict, nor of the canonical JSON."""

from __future__ import annotations

from dataclasses import dataclass

from psram.model import Report
from psram.rules import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How a report is shown, by whoever knows more than the report does.

    ``of`` names the application (``namespace/app`` where there is one); ``links`` are pairs of words and address;
    ``url`` is the report's permanent address; ``digest`` is that of the report as it is kept, where another engine than
    this one may have written it; ``previous`` is the report of the last accepted commit, against which
    findings are new, known or gone; ``rules_url`` is where the rules' pages are, ending with a slash.
    ``moments`` are those whose rules count for whoever reads; ``decided`` is false where the platform has the last
    word, as on a laptop. The rest concerns the terminal only: ``width`` 0 folds nothing, ``height`` is the room,
    ``notes`` follow the heading and ``footer`` ends the text; ``mended``: rules that
    ``--fix`` corrects, ``partly``: those of which it leaves something to a person.
    """

    of: str = ""
    links: tuple[tuple[str, str], ...] = ()
    url: str = ""
    digest: str = ""
    previous: Report | None = None
    rules_url: str = ""
    moments: frozenset[Moment] = frozenset({Moment.SOURCE})
    decided: bool = False
    colour: bool = False
    full: bool = False
    width: int = 0
    height: int = 24
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
