"""``amcloud logs APP``: the journal of an instance, secrets and personal data masked before it leaves the cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, stage_of, told
from amcloud.cli.durations import WEEK_S, seconds
from amcloud.cli.exits import Exit, closed_pipe_is_enough, refuse

COMMAND: Final = "logs"
LINES: Final = 200
_HELP: Final = (
    "Montre le journal d'une instance de votre organisme, secrets et données personnelles masqués.\n\n"
    "L'opérateur lit et masque : mots de passe, jetons et valeurs des Secrets de l'instance, numéros de sécurité "
    "sociale, IBAN, adresses électroniques, téléphones. Chaque ligne dit son heure (UTC) et sa réplique. Qui a lu est "
    "inscrit dans les événements de l'application.\n\n"
    "Code de retour : 0 lu, 1 refusé, 2 pas de réponse, 3 mauvaise commande ou application inconnue."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud logs suivi-courriers --stage acceptance --since 10m\n\n"
    "amcloud logs suivi-courriers --stage acceptance --follow"
)


class Component(StrEnum):
    """Whose journal."""

    WEB = "web"
    SCHEDULE = "schedule"
    MIGRATION = "migration"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(logs)


def logs(  # noqa: PLR0917  options, given by name
    name: Name,
    namespace: Namespace = "",
    stage: OfStage = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Suit ce qui s'écrit, dix minutes au plus.")] = False,
    since: Annotated[str, typer.Option(metavar="DURÉE", help="Depuis quand : 90s, 10m, 2h, 7d au plus.")] = "",
    lines: Annotated[int, typer.Option(min=1, max=1000, help="Dernières lignes de chaque réplique.")] = LINES,
    component: Annotated[Component, typer.Option(help="Service, commandes planifiées ou migrations.")] = Component.WEB,
) -> None:
    """Ask the operator for the journal, and print it as it comes."""
    from amcloud.clients import desk
    from amcloud.clients.errands import Errands
    from amcloud.clients.local_apps import LocalApps

    asked: dict[str, object] = {"lines": lines, "component": str(component)}
    if since:
        asked["sinceSeconds"] = seconds(since, command=COMMAND, option="--since", most_s=WEEK_S)
    asked |= {"follow": True} if follow else {}
    with told(COMMAND):
        api, who = desk.seat()
        found = LocalApps(api).find(name, namespace)
        errands, written = Errands(api, who), False
        with closed_pipe_is_enough():
            for text in errands.answer(found, stage_of(found, stage), {"logs": asked}):
                typer.echo(text, nl=False)
                written = True
    ended = errands.last
    if ended.get("reason") not in {"Done", "Running"}:
        refuse(COMMAND, str(ended.get("message", "")), _status(str(ended.get("reason"))))
    if not written:
        typer.echo(f"Rien n'a été écrit. {ended.get('message', '')}", err=True)


def _status(reason: str) -> Exit:
    return Exit.COULD_NOT_TELL if reason == "Unavailable" else Exit.REFUSED
