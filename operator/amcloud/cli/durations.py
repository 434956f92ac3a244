"""Durations and dates as people type them; what is neither ends the command."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from amcloud.cli.exits import refuse
from amcloud.paris import PARIS

WEEK_S: Final = 604_800
YEAR_S: Final = 366 * 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "j": 86_400}
_DURATION: Final = re.compile(r"(?P<number>[1-9][0-9]{0,8})(?P<unit>[smhdj]?)")


def seconds(text: str, *, command: str, option: str, most_s: int) -> int:
    """A duration such as ``90s``, ``10m``, ``2h``, ``7d`` (``7j``); seconds without a unit."""
    found = _DURATION.fullmatch(text.strip())
    length = int(found["number"]) * _UNITS[found["unit"] or "s"] if found else 0
    if not 0 < length <= most_s:
        most = f"{most_s // 86_400} jours au plus"
        refuse(command, f"{option} {text} : une durée comme 90s, 10m, 2h ou 7d est attendue, {most}")
    return length


def end(text: str, *, command: str, option: str, now: datetime) -> datetime:
    """A moment to come, in UTC: a day counts whole, a time without zone is Paris's, a duration begins now."""
    if _DURATION.fullmatch(text.strip()):
        return now + timedelta(seconds=seconds(text, command=command, option=option, most_s=YEAR_S))
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        wanted = "une date comme 2026-12-31 ou 2026-12-31T18:00, ou une durée comme 2h,"
        refuse(command, f"{option} {text} : {wanted} est attendue")
    moment = given if given.tzinfo else given.replace(tzinfo=PARIS)
    if len(text) == len("2026-12-31"):
        moment += timedelta(days=1)
    if moment <= now:
        refuse(command, f"{option} {text} : cette date est passée")
    return moment.astimezone(UTC)
