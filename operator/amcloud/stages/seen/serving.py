"""Which organisations an instance stops serving: what its pods were told last, against what they are told now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from amcloud.stages.declared.app import Organisation
from amcloud.stages.objects.operations import Key, Object

FILE = "organisations.json"


def left(live: Mapping[Key, Object], served: Iterable[Organisation]) -> tuple[str, ...]:
    """Code and name of each organisation that the live file serves, and that will be served no more."""
    staying = {one.code for one in served}
    told = (one for found, one in live.items() if found.kind == "ConfigMap" and found.name == "organisations")
    return tuple(f"{code} ({name})" for one in told for code, name in _listed(one) if code not in staying)


def _listed(file: Object) -> list[tuple[str, str]]:
    """What somebody wrote there by hand may be anything: it then names nobody."""
    try:
        found = json.loads((file.get("data") or {}).get(FILE, "{}"))["organisations"]
        return [(str(one["code"]), str(one["name"])) for one in found]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
