"""``amcloud rotate-credentials APP``: new passwords for an instance's database, without interruption."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from amcloud.cli.applications import Name, Namespace, told
from amcloud.cli.exits import Exit, refuse
from amcloud.cli.options import StageName, Timeout
from amcloud.cli.waiting import until_answered

if TYPE_CHECKING:
    from amcloud.clients.local_apps import LocalApps
    from amcloud.stages.objects.operations import Object

COMMAND: Final = "rotate-credentials"
POLL_S: Final = 2.0
_HELP: Final = (
    "Renouvelle les mots de passe de la base d'une application, sans interruption.\n\n"
    "La demande est une annotation de la LocalApp : il faut le droit de la modifier, et aucun mot de passe ne passe "
    "par ici. L'opérateur prépare de nouveaux accès à côté des anciens, remplace les répliques une à une, puis ferme "
    "les anciens quand plus aucun pod ne les tient. APP_SECRET reste, sauf --app-secret : le changer déconnecte les "
    "agents. Le secret du fournisseur d'identité n'est pas le nôtre : il ne change jamais ici.\n\n"
    "Code de retour : 0 c'est fait (ou demandé, avec --no-wait), 1 refusé, 2 pas fini à temps, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud rotate-credentials suivi-courriers --stage acceptance\n\n"
    "amcloud rotate-credentials suivi-courriers --app-secret --no-wait"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(rotate_credentials)


def rotate_credentials(  # noqa: PLR0917  options, given by name
    name: Name,
    namespace: Namespace = "",
    stage: Annotated[StageName | None, typer.Option(help="Étape ; toutes sans elle.", show_default=False)] = None,
    app_secret: Annotated[
        bool, typer.Option("--app-secret", help="Renouvelle aussi APP_SECRET : les agents devront se reconnecter.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Attend que les anciens accès soient fermés.")] = True,
    timeout: Timeout = 600.0,
) -> None:
    """Ask for new credentials, and wait until the former ones open nothing any more."""
    from amcloud.clients import assembly
    from amcloud.clients.local_apps import LocalApps

    token = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with told(COMMAND):
        apps = LocalApps(assembly.api())
        found = apps.find(name, namespace)
        stages = wanted(found, stage)
        apps.annotate(found, request(stages, token, app_secret=app_secret))
        typer.echo(f"Renouvellement demandé pour {name} : {', '.join(stages)}.", err=True)
        left = _left(apps, found, stages, token, timeout) if wait else []
    if left:
        refuse(COMMAND, unfinished(name, left, timeout), Exit.COULD_NOT_TELL)
    if wait:
        typer.echo("Fait : les anciens accès n'ouvrent plus rien.")


def wanted(found: Object, stage: StageName | None) -> list[str]:
    """Names of the stages to rotate: the one asked for, else all those declared.

    Raises:
        InvalidManifestError: the application does not declare that stage, or any.
    """
    from amcloud.errors import InvalidManifestError

    declared = [str(one["name"]) for one in found["spec"].get("stages") or ()]
    if not declared or found["spec"].get("track") == "hors-standard":
        raise InvalidManifestError("spec.stages", "cette application n'est pas hébergée : elle n'a pas d'accès")
    if stage is None:
        return declared
    if stage.value not in declared:
        raise InvalidManifestError("--stage", f"« {stage.value} » n'est pas dans spec.stages ({', '.join(declared)})")
    return [stage.value]


def request(stages: list[str], token: str, *, app_secret: bool) -> dict[str, str]:
    """The annotations that ask the operator for it."""
    from amcloud.settings import REQUESTED_AT, ROTATE

    asked = {ROTATE + stage: token + ("/app-secret" if app_secret else "") for stage in stages}
    return {**asked, REQUESTED_AT: token}


def undone(found: Mapping[str, Any] | None, stages: list[str], token: str) -> list[str]:
    """Those of ``stages`` whose status does not say yet that the request of ``token`` is done."""
    seen = ((found or {}).get("status") or {}).get("stages") or ()
    done = {one.get("name") for one in seen if one.get("credentialsRotation") == token}
    return [stage for stage in stages if stage not in done]


def unfinished(name: str, stages: list[str], timeout: float) -> str:
    """What to say when time is over: nothing is broken."""
    return (
        f"pas encore fini après {timeout:.0f} s ({', '.join(stages)}). Les anciens accès restent ouverts, rien n'est "
        f"coupé, et l'opérateur continue : kubectl get lapp {name} -A -o wide dit ce qui le retient."
    )


def _left(apps: LocalApps, found: Object, stages: list[str], token: str, timeout: float) -> list[str]:
    """The stages that are not done when time is over."""
    left, metadata = stages, found["metadata"]

    def done() -> bool | None:
        nonlocal left
        left = undone(apps.get(metadata["namespace"], metadata["name"]), stages, token)
        return None if left else True

    until_answered(done, timeout_s=timeout, every_s=POLL_S)
    return left
