"""``amcloud run APP -- COMMAND``: one command in the image that serves, with the application's own role and limits."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, stage_of, told
from amcloud.cli.exits import Exit, closed_pipe_is_enough, refuse

COMMAND: Final = "run"
_HELP: Final = (
    "Lance une commande dans une instance de votre organisme, et montre ce qu'elle écrit.\n\n"
    "Un conteneur à part, fait de l'image qui sert : même rôle de base de données (jamais celui des migrations), mêmes "
    "secrets, mêmes limites, un temps borné, puis supprimé. Ce qu'elle écrit est masqué comme par amcloud logs. Ctrl-C "
    "l'arrête. Qui l'a lancée est inscrit dans les événements de l'application.\n\n"
    "Code de retour : 0 la commande a réussi, 1 elle a échoué ou est refusée, 2 pas de réponse, 3 mauvaise commande ou "
    "application inconnue."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud run suivi-courriers --stage acceptance -- bin/console app:relances\n\n"
    "amcloud run suivi-courriers --stage acceptance --timeout 60 -- php -v"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(run)


def run(
    name: Name,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMANDE…", help="La commande et ses arguments.")],
    namespace: Namespace = "",
    stage: OfStage = None,
    timeout: Annotated[int, typer.Option(metavar="SECONDES", min=1, max=3600, help="Temps le plus long.")] = 600,
) -> None:
    """Ask the operator to run it, and print what it writes."""
    from amcloud.clients import desk
    from amcloud.clients.errands import Errands
    from amcloud.clients.local_apps import LocalApps

    with told(COMMAND):
        api, who = desk.seat()
        found = LocalApps(api).find(name, namespace)
        errands, asked = Errands(api, who), {"command": command, "timeoutSeconds": timeout}
        with closed_pipe_is_enough():
            for text in errands.answer(found, stage_of(found, stage), {"run": asked}):
                typer.echo(text, nl=False)
    ended = errands.last
    if ended.get("reason") != "Done":
        unavailable = ended.get("reason") == "Unavailable"
        refuse(COMMAND, str(ended.get("message", "")), Exit.COULD_NOT_TELL if unavailable else Exit.REFUSED)
