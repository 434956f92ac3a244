"""``amcloud restore``: an instance's database as a dump kept it; with ``--cluster``, a whole cluster from nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from amcloud.cli.exits import Exit, refuse
from amcloud.cli.options import StageName

COMMAND: Final = "restore"
LATEST: Final = "LATEST"
_HELP: Final = (
    "Rétablit la base d'une instance comme une sauvegarde l'a gardée ; avec --cluster, un cluster vide tout entier.\n\n"
    "La sauvegarde est rétablie à côté de la base qui sert, ses tables sont éprouvées par la sonde d'isolation, puis "
    "elle prend sa place d'un coup : les sessions ouvertes sont coupées, les suivantes lisent la base rétablie. Ce qui "
    "servait reste, fermé, sous <base>_previous. Les migrations de la révision en service sont rejouées ensuite. Ce "
    "qui a été écrit depuis la sauvegarde n'est plus lu. À lancer dans le pod de l'opérateur.\n\n"
    "--cluster rétablit espaces de noms, Secrets (s'ils sont dans l'archive : AMCLOUD_BACKUP_KEY), organismes, normes, "
    "LocalApp et rapports, après la base de l'opérateur et celle de chaque instance, de leur dernière sauvegarde. Le "
    "cluster doit avoir les définitions (crds/) et aucune LocalApp ; arrêtez l'opérateur d'abord. Ses passages refont "
    "ensuite le reste. Les objets qui existent déjà sont laissés comme ils sont.\n\n"
    "Code de retour : 0 c'est fait, 1 refusé (ce qui sert n'a pas changé), 2 serveur injoignable, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\n"
    "amcloud restore suivi-courriers --stage acceptance --from LATEST\n\n"
    "amcloud restore --cluster --from LATEST --folder /sauvegardes\n\n"
    "kubectl exec -i -n amcloud-system deploy/amcloud-operator -- amcloud restore suivi-courriers --stage acceptance "
    "--from - < 20260302T010000Z.dump"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(restore)


def restore(  # noqa: PLR0917  options, given by name
    url: Annotated[str, typer.Option(envvar="AMCLOUD_DATABASE_URL", hidden=True)],
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="FICHIER", help="Sauvegarde : fichier, LATEST pour la dernière, - pour l'entrée standard."
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="[APP]", help="Nom de l'application.")] = "",
    stage: Annotated[StageName | None, typer.Option(help="Étape.", show_default=False)] = None,
    folder: Annotated[
        Path, typer.Option(metavar="DOSSIER", envvar="AMCLOUD_BACKUP_FOLDER", help="Dossier des sauvegardes.")
    ] = Path("/sauvegardes"),
    replace_previous: Annotated[
        bool, typer.Option("--replace-previous", help="Supprime ce qu'une restauration précédente a laissé de côté.")
    ] = False,
    cluster: Annotated[bool, typer.Option("--cluster", help="Rétablit un cluster vide, tout entier.")] = False,
    key: Annotated[str, typer.Option(envvar="AMCLOUD_BACKUP_KEY", hidden=True)] = "",
) -> None:
    """Restore, then have the migrations of the revision in service run again."""
    if cluster:
        from amcloud.cli.rebuild import rebuild

        if name or stage:
            refuse(COMMAND, "--cluster rétablit tout : ni NOM ni --stage")
        rebuild(url, folder, source, key)
        return
    if not name or stage is None:
        refuse(COMMAND, "NOM et --stage sont obligatoires (ou --cluster)")
    _restore_instance(url, folder, source, name, stage, replace_previous=replace_previous)


def _restore_instance(
    url: str, folder: Path, source: str, name: str, stage: StageName, *, replace_previous: bool
) -> None:
    from amcloud.clients.backups import Backups
    from amcloud.errors import AmcloudError, UnavailableError
    from amcloud.stages.render import database_name

    instance = f"{name}-{stage}"
    database, backups = database_name(instance), Backups(url, folder)
    try:
        with _dump(source, backups.dumps(database)) as dump:
            backups.restore(database, dump, replace=replace_previous)
    except UnavailableError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.REFUSED)
    typer.echo(f"Base de {instance} rétablie ; ce qui servait reste sous {database}_previous.")
    _migrate_again(name, instance)


@contextmanager
def _dump(source: str, kept: list[Path]) -> Iterator[Path]:
    """The dump as a file."""
    if source == LATEST:
        if not kept:
            refuse(COMMAND, "aucune sauvegarde de cette base dans le dossier (--folder)")
        typer.echo(f"Sauvegarde : {kept[0].name}", err=True)
        yield kept[0]
    elif source == "-":
        with tempfile.NamedTemporaryFile(suffix=".dump") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
            yield Path(file.name)
    elif Path(source).is_file():
        yield Path(source)
    else:
        refuse(COMMAND, f"--from {source} : ce fichier n'existe pas")


def _migrate_again(name: str, instance: str) -> None:
    """The dump may be older than the code that serves: its migrations are asked for again."""
    from datetime import UTC, datetime

    from amcloud.clients import assembly
    from amcloud.clients.local_apps import LocalApps
    from amcloud.errors import AmcloudError
    from amcloud.settings import REQUESTED_AT

    try:
        apps = LocalApps(assembly.api())
        found = apps.find(name)
        apps.migrate_again(instance)
        apps.annotate(found, {REQUESTED_AT: datetime.now(UTC).isoformat()})
        typer.echo("Migrations de la révision en service : redemandées.")
    except AmcloudError as error:
        typer.echo(
            f"Les migrations ne sont pas redemandées ({error}) : supprimez les Jobs de migration de l'espace "
            f"{instance}, l'opérateur les refera.",
            err=True,
        )
