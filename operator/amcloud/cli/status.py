"""``amcloud status APP``: one screen: what serves, what blocks, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, find, stages
from amcloud.cli.exits import Exit, answer
from amcloud.cli.hints import hint, link
from amcloud.cli.options import AsForm, Form

if TYPE_CHECKING:
    from amcloud.cli.options import StageName
    from amcloud.stages.objects.operations import Object

COMMAND: Final = "status"
_HELP: Final = (
    "Dit en un écran ce qui sert, ce qui bloque, et la suite.\n\n"
    "Il faut un accès au cluster (KUBECONFIG, ou ~/.kube/config), pas kubectl. Toutes les applications se lisent.\n\n"
    "Code de retour : 0 tout est en service (ou rien n'est attendu), 1 une étape est bloquée, 2 en cours, ou le "
    "cluster ne répond pas, 3 mauvaise commande ou application inconnue."
)
_EXAMPLES: Final = "Exemples :\n\namcloud status suivi-courriers\n\namcloud status suivi-courriers --output json"
_STATES: Final = {"True": "en service", "False": "bloquée", "Unknown": "inconnue"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(status)


def status(
    name: Name,
    namespace: Namespace = "",
    stage: OfStage = None,
    output: AsForm = Form.TEXT,
) -> None:
    """Print what the LocalApp says of itself."""
    seen = described(find(COMMAND, name, namespace), stage)
    text = json.dumps(seen, ensure_ascii=False, indent=2) if output is Form.JSON else "\n".join(screen(seen))
    answer(f"{text}\n".encode(), command=COMMAND)
    raise typer.Exit(verdict(seen))


def described(found: Object, only: StageName | None = None) -> dict[str, Any]:
    """All that the screen says, as data."""
    metadata, spec, seen = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    name = str(metadata["name"])
    ready = _condition(seen, "Ready")
    described_stages = [_stage(name, one) for one in stages(found)]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "title": spec.get("title", ""),
        "organisation": (spec.get("owner") or {}).get("organisation", ""),
        "track": spec.get("track", ""),
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "message": ready.get("message", "L'opérateur n'en a encore rien dit."),
        "upToDate": seen.get("observedGeneration") == metadata.get("generation"),
        "stalled": _condition(seen, "Stalled").get("status") == "True",
        "stages": [one for one in described_stages if only is None or one["name"] == only.value],
        "problems": list(seen.get("problems") or ()),
    }


def verdict(seen: Mapping[str, Any]) -> Exit:
    """The exit status."""
    of_stages = [stage["state"] for stage in seen["stages"]] or [
        "bloquée" if seen["stalled"] else _STATES.get(seen["ready"], "inconnue")
    ]
    if "bloquée" in of_stages:
        return Exit.REFUSED
    return Exit.OK if all(state in {"en service", "au catalogue"} for state in of_stages) else Exit.COULD_NOT_TELL


def screen(seen: Mapping[str, Any]) -> Iterator[str]:
    """The screen's lines."""
    yield f"{seen['name']} : {seen['title']}"
    yield f"organisme {seen['organisation']}, filière {seen['track']}, espace {seen['namespace']}"
    if not seen["upToDate"]:
        yield "Le manifeste a changé : l'opérateur ne l'a pas encore lu."
    if not seen["stages"]:
        yield f"{seen['reason']} : {seen['message']}"
    for stage in seen["stages"]:
        yield ""
        commit = f", commit {stage['deployedCommit'][:8]}" if stage.get("deployedCommit") else ""
        serves = "" if stage["state"] == "en service" else _behind(stage)
        yield f"{stage['name']} : {stage['state']} ({stage['reason']}){commit if not serves else ''}{serves}"
        if stage.get("url"):
            yield f"  {stage['url']}"
        if stage["state"] != "en service":
            yield f"  {stage['message']}"
            yield f"  Ensuite : {stage['next']}"
    if seen["problems"]:
        yield ""
        yield "À voir, sans rien arrêter :"
        yield from (f"- {one.get('path', '')} : {one.get('message', '')}" for one in seen["problems"])


def _behind(stage: Mapping[str, Any]) -> str:
    if not stage.get("available"):
        return ", rien ne sert"
    return f", {stage['deployedCommit'][:8]} continue de servir" if stage.get("deployedCommit") else ""


def _stage(app: str, stage: Mapping[str, Any]) -> dict[str, Any]:
    ready, name = _condition(stage, "Ready"), str(stage.get("name"))
    reason, gone = str(ready.get("reason", "")), bool(stage.get("withdrawn"))
    suite = hint(reason, app=app, stage=name, url=link(stage, reason), withdrawn=gone)
    values = {
        "name": name,
        "state": _state(ready),
        "reason": reason,
        "message": ready.get("message", ""),
        "next": "" if ready.get("status") == "True" else suite,
        "available": _condition(stage, "Available").get("status") == "True",
        "url": stage.get("url"),
        "attemptedCommit": stage.get("lastAttemptedCommit"),
        "deployedCommit": stage.get("deployedCommit"),
        "conditions": {str(one.get("type")): str(one.get("status")) for one in stage.get("conditions") or ()},
        "history": list(stage.get("history") or ()),
    }
    return {key: value for key, value in values.items() if value is not None}


def _state(ready: Mapping[str, Any]) -> str:
    if ready.get("reason") == "Catalogued":
        return "au catalogue"
    waits = ready.get("reason") in {"Checking", "Building", "Provisioning", "RollingOut"}
    return "en cours" if waits else _STATES.get(str(ready.get("status")), "inconnue")


def _condition(holder: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((dict(one) for one in holder.get("conditions") or () if one.get("type") == kind), {})
