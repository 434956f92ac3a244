"""``amcloud suspend APP``: hosting suspended by a person, with a reason, an author and an end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from amcloud.cli.applications import Name, Namespace, told
from amcloud.cli.durations import end
from amcloud.cli.exits import refuse
from amcloud.paris import day_and_hour

COMMAND: Final = "suspend"
_HELP: Final = (
    "Suspend l'hébergement d'une application, avec une raison, un auteur et une fin.\n\n"
    "Sans --stop, ce qui sert continue et aucune nouvelle révision n'entre en service. Avec --stop, plus aucune "
    "réplique ni commande planifiée ne tourne ; base, adresses et secrets restent. À la date --until, la suspension "
    "cesse d'elle-même. Un exploitant suspend au nom de la DDSI, qui seule lèvera cette suspension ; un responsable "
    "d'application, au nom de son organisme.\n\n"
    "Code de retour : 0 c'est écrit, 1 refusé, 2 cluster injoignable, 3 mauvaise commande ou application inconnue."
)
_EXAMPLES: Final = (
    'Exemples :\n\namcloud suspend suivi-courriers --reason "Bascule du réseau" --until 2026-12-31\n\n'
    'amcloud suspend suivi-courriers --reason "Fuite en cours d\'analyse" --stop'
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(suspend)


def suspend(
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXTE", help="Pourquoi ; lu par les développeurs.")],
    namespace: Namespace = "",
    until: Annotated[
        str, typer.Option(metavar="DATE", help="Fin : 2026-12-31 (ce jour compris), 2026-12-31T18:00, ou 2h, 7d.")
    ] = "",
    stop: Annotated[bool, typer.Option("--stop", help="Arrête aussi ce qui sert.")] = False,
) -> None:
    """Write the suspension."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps
    from amcloud.clients.suspensions import Suspensions
    from amcloud.stages.declared.app import Authority

    if not reason.strip() or len(reason) > 500:  # noqa: PLR2004  as the CRD says
        refuse(COMMAND, "--reason : une raison de 1 à 500 caractères est attendue")
    last = end(until, command=COMMAND, option="--until", now=datetime.now(UTC)) if until else None
    with told(COMMAND):
        api, who = desk.seat()
        found = LocalApps(api).find(name, namespace)
        spec: dict[str, Any] = {"reason": reason.strip(), "author": who, "service": "Stop" if stop else "Keep"}
        spec |= {"until": last.strftime("%Y-%m-%dT%H:%M:%SZ")} if last else {}
        by = Suspensions(api).suspend(found, spec)
    whose = "de la DDSI" if by is Authority.DDSI else "de l'organisme"
    told_end = f" jusqu'au {day_and_hour(last)}" if last else ""
    effect = "le service s'arrête" if stop else "ce qui sert continue"
    typer.echo(f"{name} est suspendue{told_end} (suspension {whose}, par {who}) : {effect}.")
