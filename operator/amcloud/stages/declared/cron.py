"""Cron schedules as Kubernetes reads them: five fields. Checked here, so that a wrong one names its field early."""

from __future__ import annotations

import re

_NAMES = {
    "mois": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "jour de la semaine": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_FIELDS = (("minute", 0, 59), ("heure", 0, 23), ("jour du mois", 1, 31), ("mois", 1, 12), ("jour de la semaine", 0, 6))
_PART = re.compile(r"(?P<range>\*|\?|[0-9a-z]{1,3}(-[0-9a-z]{1,3})?)(/(?P<step>[0-9]{1,2}))?", re.ASCII)


class InvalidScheduleError(ValueError):
    """The text is not a schedule; its words say which field is wrong."""


def checked_schedule(text: str) -> str:
    """``text`` with single spaces, when it is a cron schedule of five fields.

    Raises:
        InvalidScheduleError: it is not.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise InvalidScheduleError(f"cinq champs sont attendus (« 0 6 * * 1-5 »), trouvé {len(fields)}")
    for value, (name, least, most) in zip(fields, _FIELDS, strict=True):
        for part in value.lower().split(","):
            _check(part, name, least, most)
    return " ".join(fields)


def _check(part: str, name: str, least: int, most: int) -> None:
    match = _PART.fullmatch(part)
    if match is None:
        raise InvalidScheduleError(f"{name} : « {part[:20]} » n'est pas compris")
    if match["step"] is not None and not 1 <= int(match["step"]) <= most:
        raise InvalidScheduleError(f"{name} : le pas « {match['step']} » doit être de 1 à {most}")
    if match["range"] in {"*", "?"}:
        return
    bounds = [_value(word, name, least, most) for word in match["range"].split("-")]
    if bounds != sorted(bounds):
        raise InvalidScheduleError(f"{name} : « {match['range']} » va à rebours")


def _value(word: str, name: str, least: int, most: int) -> int:
    names = _NAMES.get(name, [])
    if word in names:
        return names.index(word) + least
    if not word.isascii() or not word.isdigit() or not least <= int(word) <= most:
        raise InvalidScheduleError(f"{name} : « {word} » n'est pas un nombre de {least} à {most}")
    return int(word)
