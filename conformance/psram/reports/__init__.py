"""A report's forms, all drawn from one model through one projection table.

``FORMATS`` is the one list of them: the command line, the reports' server and the documentation read it. Add a format
by adding its line there and its module here: ``render(report, shown) -> bytes``.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Final, NamedTuple

from psram.model import Report
from psram.reports.presentation import Presentation

__all__ = ["FORMATS", "Format", "Presentation", "canonical_json", "html", "text", "write"]


class Format(NamedTuple):
    """A form of the report: ``name`` as typed after ``--format``, ``title`` in French, ``extension`` with its dot."""

    name: str
    title: str
    media_type: str
    extension: str
    module: str

    def write(self, report: Report, shown: Presentation = Presentation()) -> bytes:
        """The report in this form; the same report and presentation give the same bytes."""
        content = import_module(f"psram.reports.{self.module}").render(report, shown)
        assert isinstance(content, bytes)
        return content


_ALL: Final = (
    Format("texte", "Texte pour un terminal", "text/plain; charset=utf-8", ".txt", "terminal"),
    Format("html", "Page pour lire et imprimer", "text/html; charset=utf-8", ".html", "page"),
    Format("json", "JSON canonique, le rapport lui-même", "application/json", ".json", "canonical"),
    Format("sarif", "SARIF 2.1.0", "application/sarif+json", ".sarif", "sarif"),
    Format("codequality", "Code Quality de GitLab", "application/json", ".codequality.json", "codequality"),
    Format("junit", "JUnit", "application/xml", ".junit.xml", "junit"),
    Format("openreports", "OpenReports, ressource Kubernetes", "application/json", ".openreports.json", "openreports"),
    Format("oscal", "OSCAL 1.2, résultats d'évaluation", "application/json", ".oscal.json", "oscal"),
)
FORMATS: Final = MappingProxyType({each.name: each for each in _ALL})


def write(name: str, report: Report, shown: Presentation = Presentation()) -> bytes:
    """The report in the form called ``name``. Raises ``KeyError`` for a name that :data:`FORMATS` does not have."""
    return FORMATS[name].write(report, shown)


def canonical_json(report: Report) -> bytes:
    """The report in canonical JSON: sorted keys, no space, one final newline; same report, same bytes."""
    return write("json", report)


def html(report: Report, *, of: str = "", links: tuple[tuple[str, str], ...] = ()) -> str:
    """The report as one self-contained page in French, for a server that knows the application and its addresses."""
    return write("html", report, Presentation(of=of, links=links)).decode()


def text(report: Report, *, colour: bool = False, full: bool = False) -> str:
    """The report for a terminal, in French, about a screen long unless ``full``; without a final newline."""
    return write("texte", report, Presentation(colour=colour, full=full)).decode().removesuffix("\n")
