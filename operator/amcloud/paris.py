"""Time as those who read us live it: that of metropolitan France, said with its name wherever an hour is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

TIME_ZONE: Final = "Europe/Paris"
PARIS: Final = ZoneInfo(TIME_ZONE)


def today(moment: datetime) -> date:
    """The day that it is in Paris at ``moment``."""
    return moment.astimezone(PARIS).date()


def day(moment: datetime) -> str:
    """Like ``31/12/2026``."""
    return f"{moment.astimezone(PARIS):%d/%m/%Y}"


def hour(moment: datetime) -> str:
    """Like ``18:00 (heure de Paris)``."""
    return f"{moment.astimezone(PARIS):%H:%M} (heure de Paris)"


def day_and_hour(moment: datetime) -> str:
    """Like ``31/12/2026 18:00 (heure de Paris)``."""
    return f"{day(moment)} {hour(moment)}"
