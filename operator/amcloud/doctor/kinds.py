"""Are the kinds of this version installed, whole and served?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from amcloud import assets
from amcloud.clients import installation
from amcloud.doctor.findings import Finding, error, ok, warning
from amcloud.doctor.ground import Ground

_APPLY: Final = "kubectl apply --validate=false -f crds/ (les définitions de la version installée)."
_SHOWN: Final = 5


def examine(ground: Ground) -> Iterator[Finding]:
    """One finding a kind that ships with this version."""
    for path in sorted(assets.folder("crds").glob("*.yaml")):
        ours = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        live = installation.definition(ground.api, ours["metadata"]["name"])
        yield compared(ours, live)


def compared(ours: Mapping[str, Any], live: Mapping[str, Any] | None) -> Finding:
    """What the installed definition lacks of ours."""
    name, kind = f"crd-{ours['spec']['names']['plural']}", ours["spec"]["names"]["kind"]
    if live is None:
        return error(name, f"{kind} : la définition n'est pas installée.", _APPLY)
    conditions = {c["type"]: c["status"] for c in (live.get("status") or {}).get("conditions") or ()}
    if conditions.get("Established") != "True":
        return error(name, f"{kind} : le serveur ne sert pas encore cette définition.", f"kubectl describe crd {kind}")
    missing = sorted(fields(ours) - fields(live))
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        said = f"{kind} : la définition installée est plus ancienne, il lui manque {len(missing)} champ(s) : {shown}."
        return error(name, said, _APPLY)
    newer = sorted(fields(live) - fields(ours))
    if newer:
        said = f"{kind} : la définition installée est plus récente que cette version de l'opérateur ({newer[0]} …)."
        return warning(name, said, "Mettez l'opérateur à niveau : docs/installation.md, « Mettre à niveau ».")
    return ok(name, f"{kind} : définition installée, à jour.")


def fields(definition: Mapping[str, Any]) -> set[str]:
    """Paths of every field of every version, with the version in front."""
    found: set[str] = set()
    for version in definition["spec"]["versions"]:
        root = ((version.get("schema") or {}).get("openAPIV3Schema")) or {}
        found |= {f"{version['name']}{path}" for path in _walk(root, "")}
    return found


def _walk(node: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, child in (node.get("properties") or {}).items():
        yield f"{path}.{name}"
        yield from _walk(child, f"{path}.{name}")
    if isinstance(node.get("items"), Mapping):
        yield from _walk(node["items"], f"{path}[]")
