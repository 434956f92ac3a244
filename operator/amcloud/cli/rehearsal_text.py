"""A rehearsal for people: who would be refused, by which rule, at what cost; a screen, unless all is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from amcloud.cli.rehearsal import Change, Line, NewRule, Rehearsal, Total
from psram.model import printable
from psram.path import duration

_SHOWN: Final = 6
_TOTALS: Final = 4
_RULES: Final = 3
_MARKS: Final = {
    Change.REFUSED: "✘",
    Change.UNKNOWN: "?",
    Change.HARDER: "+",
    Change.ACCEPTED: "✔",
    Change.SAME: "=",
    Change.UNREAD: "!",
}


def text(rehearsal: Rehearsal, *, full: bool) -> str:
    """The text, with a final newline."""
    return "\n".join([*_lines(rehearsal, full), ""])


def _lines(rehearsal: Rehearsal, full: bool) -> Iterator[str]:
    count = len(rehearsal.applications)
    yield (
        f"{rehearsal.pack} contre {rehearsal.against}, au {rehearsal.evaluated_on} : "
        f"{count} application{'s' if count > 1 else ''}"
    )
    yield " ; ".join(_counted(rehearsal.counts)) or "Aucune application."
    told = [each for each in rehearsal.applications if full or each.change is not Change.SAME or each.lifted]
    yield from _applications(told, full)
    yield from _totals("Par règle", rehearsal.rules, full)
    yield from _totals("Par organisme", rehearsal.organisations, full)
    if rehearsal.hours:
        yield ""
        yield f"Travail que ce pack demanderait en plus : environ {duration(rehearsal.hours)}"


def _counted(counts: dict[str, int]) -> Iterator[str]:
    words = {
        Change.REFUSED: ("nouveau refus", "nouveaux refus"),
        Change.UNKNOWN: ("nouveau doute", "nouveaux doutes"),
        Change.HARDER: ("refus aggravé", "refus aggravés"),
        Change.ACCEPTED: ("refus levé", "refus levés"),
        Change.SAME: ("inchangée", "inchangées"),
        Change.UNREAD: ("illisible", "illisibles"),
    }
    for change, (one, many) in words.items():
        number = counts.get(change.value, 0)
        if number:
            yield f"{number} {many if number > 1 else one}"


def _applications(lines: Sequence[Line], full: bool) -> Iterator[str]:
    shown = lines if full else lines[:_SHOWN]
    if shown:
        yield ""
    width = max((len(printable(each.name)) for each in shown), default=0)
    for each in shown:
        yield f"{_MARKS[each.change]} {printable(each.name):{width}}  {_said(each, full)}".rstrip()
    if len(lines) > len(shown):
        yield f"… et {len(lines) - len(shown)} de plus : ajoutez --full"


def _said(each: Line, full: bool) -> str:
    if each.change is Change.UNREAD:
        return printable(each.problem)
    lifted = f"plus refusée par {', '.join(each.lifted)}" if each.lifted else ""
    if each.change is Change.SAME:
        return " ; ".join(filter(None, (each.after.replace("_", " "), lifted)))
    if each.change is Change.ACCEPTED:
        return lifted or "plus refusée"
    shown = each.rules if full else each.rules[:_RULES]
    more = f" et {len(each.rules) - len(shown)} autres" if len(each.rules) > len(shown) else ""
    hours = f"{duration(each.hours)} : " if each.hours else ""
    return " ; ".join(filter(None, (f"{hours}{', '.join(_rule(rule) for rule in shown)}{more}", lifted)))


def _rule(rule: NewRule) -> str:
    if rule.places > 1:
        return f"{rule.rule} ({rule.places} endroits)"
    return f"{rule.rule} ({printable(rule.first)})" if rule.first else rule.rule


def _totals(title: str, totals: Sequence[Total], full: bool) -> Iterator[str]:
    if not totals:
        return
    yield ""
    yield f"{title} :"
    shown = totals if full else totals[:_TOTALS]
    for total in shown:
        several = "s" if total.applications > 1 else ""
        hours = f", environ {duration(total.hours)}" if total.hours else ""
        yield f"  {total.name} {total.title}".rstrip() + f" : {total.applications} application{several}{hours}"
    if len(totals) > len(shown):
        yield f"  … et {len(totals) - len(shown)} de plus"
