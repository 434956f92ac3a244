"""``amcloud resume APP``: the caller's suspension is lifted; somebody else's stays, and is told."""

from __future__ import annotations

from typing import Final

import typer

from amcloud.cli.applications import Name, Namespace, told
from amcloud.cli.exits import Exit, refuse

COMMAND: Final = "resume"
_HELP: Final = (
    "Lève une suspension de l'hébergement.\n\n"
    "Chacun lève ce qu'il peut poser : la suspension de la DDSI n'est levée que par la DDSI.\n\n"
    "Code de retour : 0 plus rien ne suspend, 1 une suspension reste, que vous ne pouvez pas lever, 2 cluster "
    "injoignable, 3 mauvaise commande ou application inconnue."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog="Exemple :\n\namcloud resume suivi-courriers")(resume)


def resume(name: Name, namespace: Namespace = "") -> None:
    """Lift what may be lifted."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps
    from amcloud.clients.suspensions import Suspensions
    from amcloud.stages.declared.app import Authority

    whose = {Authority.DDSI: "la DDSI", Authority.ORGANISATION: "l'organisme"}
    with told(COMMAND):
        api = desk.api()
        found, suspensions = LocalApps(api).find(name, namespace), Suspensions(api)
        written = suspensions.of(found)
        lifted, left = suspensions.lift(found)
    for by in lifted:
        typer.echo(f"{name} : la suspension par {whose[by]} est levée.")
    for by in left:
        spec = written[by]
        author = f" ({spec['author']})" if spec.get("author") else ""
        why = f"{spec.get('reason', '')}".rstrip(". ")
        typer.echo(f"{name} reste suspendue par {whose[by]}{author} : {why}.", err=True)
    if left:
        refuse(COMMAND, f"seule {whose[left[0]]} lève sa suspension", Exit.REFUSED)
    if not written:
        typer.echo(f"{name} n'était pas suspendue.")
