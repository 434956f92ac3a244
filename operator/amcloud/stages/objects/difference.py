"""What a write would change of an object, for people: a unified diff of YAML, without secrets and noise. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from amcloud.stages.objects.operations import Apply, Key, Object, Operation, Prune, Scale, key

_SERVER_S: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", "deletionTimestamp"}
)
_LINE_LONGEST: Final = 400
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
MASK: Final = "***"


class _Dumper(yaml.CSafeDumper):
    """No anchors: an object that is said twice is shown twice."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def reference(identity: Key) -> str:
    """``Kind/name`` of an object, with its namespace."""
    where = f" ({identity.namespace})" if identity.namespace else ""
    return f"{identity.kind}/{identity.name}{where}"


def of(operation: Operation, live: Object | None, after: Object | None) -> list[str]:
    """Lines of a unified diff between ``live`` and what the server says would be there ``after`` the operation."""
    match operation:
        case Apply(object=wanted):
            identity, after = key(wanted), after or wanted
        case Prune(key=identity):
            after = None
        case Scale(key=identity, replicas=replicas):
            shown = reference(identity)
            before = (live or {}).get("spec", {}).get("replicas", 1)
            return [f"--- {shown}", f"+++ {shown}", "@@ replicas @@", f"-replicas: {before}", f"+replicas: {replicas}"]
    name = reference(identity)
    former, later = _masked(live, None), _masked(after, live)
    lines = difflib.unified_diff(
        _lines(former), _lines(later), name if live else "/dev/null", name if after else "/dev/null", lineterm=""
    )
    return list(lines)


def painted(lines: list[str]) -> Iterator[str]:
    """The lines with a terminal's colours."""
    for line in lines:
        colour = "1" if line.startswith(("---", "+++")) else {"+": "32", "-": "31", "@": "36"}.get(line[:1], "")
        yield f"\x1b[{colour}m{line}\x1b[0m" if colour else line


def _lines(found: Any) -> list[str]:
    if found is None:
        return []
    text = yaml.dump(found, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=10_000)
    return [line if len(line) <= _LINE_LONGEST else f"{line[:_LINE_LONGEST]}…" for line in text.splitlines()]


def _masked(found: Object | None, other: Object | None) -> Any:
    """The object without what the server alone writes; a Secret's values are never shown, only that one is another."""
    if found is None:
        return None
    metadata = {name: value for name, value in found["metadata"].items() if name not in _SERVER_S}
    annotations = metadata.get("annotations") or {}
    if LAST_APPLIED in annotations:  # a whole object, with its values
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != LAST_APPLIED}
    shown = {name: value for name, value in found.items() if name != "status"} | {"metadata": metadata}
    if found.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if isinstance(found.get(part), Mapping):
                others = (other or {}).get(part) or {}
                shown[part] = {name: _told_apart(value, others.get(name)) for name, value in found[part].items()}
    return shown


def _told_apart(value: Any, former: Any) -> str:
    return MASK if former is None or value == former else f"{MASK} (autre valeur)"
