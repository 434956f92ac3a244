"""``amcloud isolation APP``: what the probe saw of each route, as a matrix; what it did not cover is a red cell."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, find
from amcloud.cli.exits import Exit, answer
from amcloud.cli.options import AsForm, Form
from amcloud.cli.terminals import coloured

COMMAND: Final = "isolation"
_HELP: Final = (
    "Dit, route par route, ce que la sonde d'isolation a vu d'une application.\n\n"
    "Deux organismes fictifs y cherchent les données l'un de l'autre : liste, détail, recherche, export, envoi, "
    "écriture. Une route que la sonde n'a pas couverte est une case rouge : rien n'est prouvé d'elle. Les routes qui "
    "n'atteignent aucune donnée d'organisme ne sont pas listées.\n\n"
    "Code de retour : 0 tout est prouvé, 1 une fuite, ou une route ou une table non prouvée, 2 pas encore parcourue, "
    "ou le cluster ne répond pas, 3 mauvaise commande ou application inconnue."
)
_EXAMPLES: Final = "Exemples :\n\namcloud isolation suivi-courriers\n\namcloud isolation suivi-courriers --output json"
_CELLS: Final = {
    "closed": ("✓ isolée", typer.colors.GREEN),
    "uncovered": ("✗ non couverte", typer.colors.RED),
    "leak": ("✗ FUITE", typer.colors.RED),
}
_NOT_WALKED: Final = "pas encore parcourue par la sonde"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(isolation)


def isolation(
    name: Name,
    namespace: Namespace = "",
    stage: OfStage = None,
    output: AsForm = Form.TEXT,
) -> None:
    """Print what the LocalApp's status says of its isolation."""
    seen = described(find(COMMAND, name, namespace), stage.value if stage else "")
    text = (
        json.dumps(seen, ensure_ascii=False, indent=2)
        if output is Form.JSON
        else "\n".join(matrix(seen, colours=coloured(sys.stdout)))
    )
    answer(f"{text}\n".encode(), command=COMMAND)
    raise typer.Exit(verdict(seen))


def described(found: Mapping[str, Any], only: str = "") -> list[dict[str, Any]]:
    """All that the matrix says, as data: one entry a stage."""
    return [
        {
            "stage": stage.get("name", ""),
            "commit": stage.get("deployedCommit", ""),
            **_condition(stage),
            **{"tables": 0, "routes": [], **(stage.get("isolation") or {})},
        }
        for stage in (found.get("status") or {}).get("stages") or ()
        if not only or stage.get("name") == only
    ]


def verdict(seen: list[dict[str, Any]]) -> Exit:
    """The exit status."""
    if any(stage["status"] == "False" or _red(stage) for stage in seen):
        return Exit.REFUSED
    return Exit.OK if seen and all(stage["status"] == "True" for stage in seen) else Exit.COULD_NOT_TELL


def matrix(seen: list[dict[str, Any]], *, colours: bool = False) -> Iterator[str]:
    """The lines: a stage, then its routes."""
    if not seen:
        yield "Aucune étape n'est encore connue."
    for stage in seen:
        walked = f", parcourue le {stage['time']}" if stage.get("time") else ""
        yield f"{stage['stage']} : {stage['message'].rstrip('.') or _NOT_WALKED}{walked}"
        width = max((len(one["route"]) for one in stage["routes"]), default=0)
        for one in stage["routes"]:
            words, colour = _CELLS[one["seen"]]
            cell = typer.style(f"{words:<14}", fg=colour) if colours else f"{words:<14}"
            yield f"  {one['route']:<{width}}  {one['kind']:<9}  {cell}  {one.get('why', '')}".rstrip()
        if stage.get("leftOut"):
            yield f"  et {stage['leftOut']} autres, prouvées"


def _red(stage: Mapping[str, Any]) -> bool:
    return bool(stage.get("problem")) or any(one["seen"] != "closed" for one in stage["routes"])


def _condition(stage: Mapping[str, Any]) -> dict[str, str]:
    found: Mapping[str, Any] = next((c for c in stage.get("conditions") or () if c.get("type") == "TenantIsolated"), {})
    return {"status": str(found.get("status", "Unknown")), "message": str(found.get("message", ""))}
