"""Does a live object hold what is desired? The server adds defaults and other managers add fields: a subset is enough.

What is compared is what our field manager may own: maps key by key, keyed lists by their merge key (others may add
items of their own), atomic lists item by item and of the same length, quantities by value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

_MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_QUANTITIES: Final = frozenset(
    {"requests", "limits", "hard", "default", "defaultRequest", "max", "min", "sizeLimit", "averageValue"}
)
_QUANTITY = re.compile(r"(?P<number>[+-]?\d{1,30}(?:\.\d{1,15})?)(?P<suffix>m|k|[MGTPE]i?|Ki|e\d{1,2})?")
_SUFFIXES: Final[Mapping[str, Decimal]] = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def holds(live: Any, desired: Any, *, field: str = "", quantity: bool = False) -> bool:
    """Whether ``live`` is as ``desired`` says, in all that ``desired`` says."""
    if desired is None or desired in ("", [], {}):
        return not live or live == desired  # the server drops what is empty
    if isinstance(desired, Mapping):
        return isinstance(live, Mapping) and all(
            holds(live.get(key), value, field=key, quantity=quantity or key in _QUANTITIES)
            for key, value in desired.items()
        )
    if isinstance(desired, (list, tuple)):
        return isinstance(live, (list, tuple)) and _list_holds(live, desired, field, quantity)
    if quantity and (asked := _quantity(desired)) is not None:
        return asked == _quantity(live)
    return type(live) is type(desired) and bool(live == desired)


def _list_holds(live: Sequence[Any], desired: Sequence[Any], field: str, quantity: bool) -> bool:
    merge_key = _MERGE_KEYS.get(field)
    if merge_key is None or not all(isinstance(item, Mapping) for item in (*live, *desired)):
        return len(live) == len(desired) and all(
            holds(a, b, field=field, quantity=quantity) for a, b in zip(live, desired, strict=True)
        )
    by_key = {tuple(item.get(k) for k in merge_key): item for item in live}
    return all(
        holds(by_key.get(tuple(item.get(k) for k in merge_key)), item, field=field, quantity=quantity)
        for item in desired
    )


def _quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity's value, ``None`` when it is not one."""
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if found is None:
        return None
    suffix = found["suffix"] or ""
    scale = Decimal(10) ** int(suffix[1:]) if suffix.startswith("e") else _SUFFIXES[suffix]
    return Decimal(found["number"]) * scale
