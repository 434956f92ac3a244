"""``amcloud rollback APP [COMMIT]``: a stage goes back to a kept revision and stays there until told otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli.applications import Name, Namespace, OfStage, told
from amcloud.cli.exits import answer
from amcloud.cli.intending import DryRun, Reason, Request, Wait, carry_out, intention
from amcloud.cli.options import AsForm, Form, Timeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amcloud.stages.steering.choices import Kept

COMMAND: Final = "rollback"
_HELP: Final = (
    "Remet en service une révision gardée d'une application, et l'y tient.\n\n"
    "Les cinq dernières révisions qui ont servi sont gardées, chacune avec l'empreinte de son image : c'est cette "
    "image même qui revient, sans forge ni fabrication, par un déploiement progressif. Sans COMMIT, c'est la "
    "précédente. Une révision dont la sonde a vu une fuite entre organismes n'est jamais reprise. La demande (qui, "
    "quand, pourquoi) est une annotation de la LocalApp : il faut le droit de la "
    "modifier, et elle vaut jusqu'à --undo, même si l'opérateur redémarre ou si l'on pousse. La base ne revient pas "
    "en arrière : les migrations doivent rester lisibles par la révision d'avant.\n\n"
    "--undo suit de nouveau la branche ou l'étiquette, et réessaie une révision que l'opérateur avait retirée.\n\n"
    "Code de retour : 0 c'est fait (ou demandé, avec --no-wait), 1 refusé, 2 pas fini à temps, 3 mauvaise commande."
)
_SERVES: Final = "  ← en service"
_LEAKS: Final = "  ← fuite entre organismes"
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud rollback suivi-courriers --stage acceptance --list\n\n"
    'amcloud rollback suivi-courriers --stage acceptance --reason "courriers en double"\n\n'
    "amcloud rollback suivi-courriers --stage acceptance --undo"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(rollback)


def rollback(  # noqa: PLR0917  options, given by name
    name: Name,
    commit: Annotated[
        str, typer.Argument(metavar="COMMIT", help="Révision gardée (7 caractères suffisent) ; la précédente sans lui.")
    ] = "",
    namespace: Namespace = "",
    stage: OfStage = None,
    reason: Reason = "",
    undo: Annotated[bool, typer.Option("--undo", help="Suit de nouveau la branche ou l'étiquette.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Affiche les révisions gardées, ne demande rien.")] = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    timeout: Timeout = 600.0,
    output: AsForm = Form.TEXT,
) -> None:
    """Ask for a kept revision, or for the branch again, and wait until it serves."""
    from amcloud.clients import desk
    from amcloud.clients.local_apps import LocalApps
    from amcloud.errors import InvalidManifestError
    from amcloud.stages.declared.intention import Kind
    from amcloud.stages.steering import choices

    with told(COMMAND):
        if undo and commit:
            raise InvalidManifestError("--undo", "suit la branche ou l'étiquette : sans COMMIT")
        api, by = desk.seat()
        apps = LocalApps(api)
        found = apps.find(name, namespace)
        where = choices.stage_named(found, stage.value if stage else "")
        if listed:
            answer(shown(choices.kept(found, where), output).encode(), command=COMMAND)
            return
        wanted = None if undo else choices.back(found, where, commit)
        asked = intention(Kind.FOLLOW if undo else Kind.HOLD, by, reason, wanted)
        request = Request(found, where, asked, choices.in_service(found, where))
        carry_out(COMMAND, apps, request, dry_run=dry_run, wait=wait, timeout=timeout, output=output)


def shown(kept: Sequence[Kept], output: Form) -> str:
    """The kept revisions, newest first."""
    if output is Form.JSON:
        found = [
            {"commit": one.revision.commit, "image": one.revision.image, "servedAt": one.served_at,
             "inService": one.in_service, "leak": one.leak}
            for one in kept
        ]  # fmt: skip
        return json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if not kept:
        return "Aucune révision gardée : rien n'y a encore servi.\n"
    lines = [f"{'COMMIT':10}{'EN SERVICE DEPUIS':22}IMAGE"]
    for one in kept:
        marks = f"{_SERVES if one.in_service else ''}{_LEAKS if one.leak else ''}"
        lines.append(f"{one.revision.commit[:8]:10}{one.served_at:22}{one.revision.image}{marks}")
    return "\n".join(lines) + "\n"
