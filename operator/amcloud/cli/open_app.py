"""``amcloud open APP``: the address of an instance for each organisation."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, addresses, told
from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form

COMMAND: Final = "open"
_HELP: Final = (
    "Donne l'adresse d'une application pour chaque organisme servi, et l'ouvre avec --browser.\n\n"
    "Une instance, une adresse par organisme. En développement, ce sont des organismes fictifs.\n\n"
    "Code de retour : 0 c'est dit, 1 rien n'est en service, 2 cluster injoignable, 3 mauvaise commande ou application "
    "inconnue."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud open suivi-courriers\n\n"
    "amcloud open suivi-courriers --stage acceptance --organisation 671 --browser"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(open_app)


def open_app(  # noqa: PLR0917  options, given by name
    name: Name,
    namespace: Namespace = "",
    stage: OfStage = None,
    organisation: Annotated[str, typer.Option(metavar="CODE", help="Pour cet organisme seulement.")] = "",
    browser: Annotated[bool, typer.Option("--browser", help="Ouvre la première adresse dans le navigateur.")] = False,
    output: AsForm = Form.TEXT,
) -> None:
    """Print the addresses."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps

    with told(COMMAND):
        apps = LocalApps(desk.api())
        listed = addresses(apps.find(name, namespace), apps.organisations(), stage)
    if organisation and listed and organisation not in {one.code for one in listed}:
        served = ", ".join(sorted({one.code for one in listed}))
        refuse(COMMAND, f"--organisation {organisation} : cet organisme n'est pas servi ({served} le sont)")
    listed = [one for one in listed if organisation in {"", one.code}]
    if not listed:
        refuse(COMMAND, f"rien n'est en service : amcloud status {name} dit pourquoi", Exit.REFUSED)
    if output is Form.JSON:
        text = json.dumps([asdict(one) for one in listed], ensure_ascii=False, indent=2)
    else:
        text = "\n".join(f"{one.stage:11}  {one.code}  {one.url}  {one.name}" for one in listed)
    answer(f"{text}\n".encode(), command=COMMAND)
    if browser and typer.launch(listed[0].url) != 0:
        refuse(COMMAND, "aucun navigateur ne peut être ouvert d'ici : copiez l'adresse", Exit.COULD_NOT_TELL)
