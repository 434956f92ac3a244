"""``amcloud backup``: a dump of every instance's database, and only so many kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from amcloud.cli.exits import Exit, refuse

COMMAND: Final = "backup"
_HELP: Final = (
    "Sauvegarde la base de chaque instance (pg_dump), et ne garde que les dernières sauvegardes.\n\n"
    "Lancée chaque nuit par le CronJob de deploy/backups, elle lit deux adresses dans son environnement : "
    "AMCLOUD_DATABASE_URL (le rôle de l'opérateur) et AMCLOUD_BACKUP_DATABASE_URL (un rôle BYPASSRLS, membre de "
    "pg_read_all_data : la sécurité par ligne ne le limite pas). Une base qui échoue n'arrête pas les autres ; ses "
    "sauvegardes précédentes restent toutes.\n\n"
    "Code de retour : 0 tout est sauvegardé, 1 une base au moins ne l'est pas, 2 serveur injoignable, "
    "3 mauvaise commande."
)
_EXAMPLES: Final = "Exemples :\n\namcloud backup --folder /sauvegardes\n\namcloud backup suivi-courriers-acceptance"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(backup)


def backup(
    url: Annotated[str, typer.Option(envvar="AMCLOUD_DATABASE_URL", hidden=True)],
    dump_url: Annotated[str, typer.Option(envvar="AMCLOUD_BACKUP_DATABASE_URL", hidden=True)],
    instances: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INSTANCE]…", help="Instances (<application>-<étape>) ; toutes sans argument."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(metavar="DOSSIER", envvar="AMCLOUD_BACKUP_FOLDER", help="Dossier des sauvegardes.")
    ] = Path("/sauvegardes"),
    keep: Annotated[
        int, typer.Option(min=1, envvar="AMCLOUD_BACKUP_KEEP", help="Sauvegardes gardées pour chaque base.")
    ] = 14,
) -> None:
    """Dump each database in turn, then forget its oldest dumps."""
    from amcloud.clients.backups import Backups
    from amcloud.errors import AmcloudError
    from amcloud.stages.render import database_name

    backups, failed = Backups(url, folder, dump_url=dump_url), 0
    try:
        known = backups.instances()
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    wanted = [database_name(one) for one in instances] if instances else known
    if strangers := sorted(set(wanted) - set(known)):
        refuse(COMMAND, f"aucune base d'instance de ce nom : {', '.join(strangers)}")
    for database in wanted:
        try:
            made = backups.dump(database, datetime.now(UTC))
            gone = backups.forget(database, keep=keep)
            typer.echo(f"{database} : {made.name}, {made.stat().st_size} octets ; {len(gone)} ancienne(s) retirée(s)")
        except (AmcloudError, OSError) as error:
            failed += 1
            typer.echo(f"{database} : {error}", err=True)
    typer.echo(f"{len(wanted) - failed} base(s) sauvegardée(s), {failed} échec(s)")
    if failed:
        raise typer.Exit(Exit.REFUSED)
