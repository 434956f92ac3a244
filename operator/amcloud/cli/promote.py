"""``amcloud promote APP``: a stage takes the very image that an earlier stage serves, through its own gate."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from amcloud.cli.applications import Name, Namespace, told
from amcloud.cli.intending import DryRun, Reason, Request, Wait, carry_out, intention
from amcloud.cli.options import AsForm, Form, StageName, Timeout

COMMAND: Final = "promote"
_HELP: Final = (
    "Promeut une révision d'une étape à une suivante : même commit, même image, par son empreinte.\n\n"
    "Sans COMMIT, c'est la révision en service à l'étape d'origine ; sinon une de celles qui y sont gardées. La porte "
    "de l'étape d'arrivée décide comme pour tout commit : en production, il faut un procès-verbal de recette positif. "
    "La demande est une annotation de la LocalApp (qui, quand, pourquoi) ; elle vaut jusqu'à ce que la branche ou "
    "l'étiquette de l'étape désigne un autre commit, ou « amcloud rollback … --undo ».\n\n"
    "Code de retour : 0 c'est fait (ou demandé, avec --no-wait), 1 refusé, 2 pas fini à temps, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud promote suivi-courriers --from acceptance --to production --dry-run\n\n"
    'amcloud promote suivi-courriers 3f2a91c --from development --to acceptance --reason "prête pour la recette"'
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(promote)


def promote(  # noqa: PLR0917  options, given by name
    name: Name,
    commit: Annotated[
        str, typer.Argument(metavar="COMMIT", help="Révision gardée à l'étape d'origine ; celle en service sans lui.")
    ] = "",
    origin: Annotated[StageName, typer.Option("--from", help="Étape d'origine.")] = StageName.ACCEPTANCE,
    to: Annotated[StageName, typer.Option("--to", help="Étape d'arrivée.")] = StageName.PRODUCTION,
    namespace: Namespace = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = True,
    timeout: Timeout = 600.0,
    output: AsForm = Form.TEXT,
) -> None:
    """Ask for the promotion, and wait until the revision serves or the gate has refused it."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps
    from amcloud.stages.declared.intention import Kind
    from amcloud.stages.steering import choices

    with told(COMMAND):
        choices.upwards(origin.value, to.value)
        api, by = desk.seat()
        apps = LocalApps(api)
        found = apps.find(name, namespace)
        source = choices.stage_named(found, origin.value, option="--from")
        target = choices.stage_named(found, to.value, option="--to")
        wanted = choices.promotable(found, source, commit)
        asked = intention(Kind.PROMOTE, by, reason, wanted, origin=source, instead=choices.ref_commit(found, target))
        request = Request(found, target, asked, choices.in_service(found, target))
        carry_out(COMMAND, apps, request, dry_run=dry_run, wait=wait, timeout=timeout, output=output)
