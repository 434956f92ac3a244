"""Kubernetes' quantities as numbers: ``250m`` cores, ``64Mi`` bytes. Pure."""

from __future__ import annotations

import re
from typing import Final

_QUANTITY: Final = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)(?P<unit>n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_UNITS: Final = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)},
}  # fmt: skip


def amount(text: str) -> float | None:
    """What the quantity counts, in its base unit (cores, bytes); ``None`` when it is none."""
    found = _QUANTITY.fullmatch(text)
    return float(found["number"]) * _UNITS[found["unit"] or ""] if found else None
