"""``amcloud backup``: a dump of every database, an archive of the cluster's resources, and only so many kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli.exits import Exit, refuse

if TYPE_CHECKING:
    from amcloud.clients.backups import Backups

COMMAND: Final = "backup"
CLUSTER: Final = "cluster"
"""Folder of the cluster's archives, beside those of the databases."""
_HELP: Final = (
    "Sauvegarde la base de chaque instance et celle de l'opérateur (pg_dump), avec --cluster les ressources du "
    "cluster, et ne garde que les dernières sauvegardes.\n\n"
    "Lancée chaque nuit par le CronJob de deploy/backups, elle lit deux adresses dans son environnement : "
    "AMCLOUD_DATABASE_URL (le rôle de l'opérateur) et AMCLOUD_BACKUP_DATABASE_URL (un rôle BYPASSRLS, membre de "
    "pg_read_all_data : la sécurité par ligne ne le limite pas). Une base qui échoue n'arrête pas les autres ; ses "
    "sauvegardes précédentes restent toutes. Une base supprimée entre-temps est passée, et ce n'est pas un échec.\n\n"
    "--cluster écrit les LocalApp, organismes, packs de normes, rapports, connecteurs, espaces de noms et réglages "
    "dans un fichier lisible, et les Secrets (jetons, mots de passe, clés) chiffrés par la phrase secrète "
    "AMCLOUD_BACKUP_KEY ; sans elle, aucun Secret n'est écrit, et c'est dit. Gardez cette phrase ailleurs que dans le "
    "cluster.\n\n"
    "Code de retour : 0 tout est sauvegardé, 1 quelque chose ne l'est pas, 2 serveur injoignable, "
    "3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud backup --cluster --folder /sauvegardes\n\namcloud backup suivi-courriers-acceptance"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name=COMMAND, help=_HELP, epilog=_EXAMPLES)(backup)


def backup(  # noqa: PLR0917  options, given by name
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
    cluster: Annotated[bool, typer.Option("--cluster", help="Sauvegarde aussi les ressources du cluster.")] = False,
    key: Annotated[str, typer.Option(envvar="AMCLOUD_BACKUP_KEY", hidden=True)] = "",
    namespace: Annotated[str, typer.Option(envvar="AMCLOUD_NAMESPACE", hidden=True)] = "amcloud-system",
) -> None:
    """Dump each database in turn, then the cluster's resources; forget the oldest of each."""
    from amcloud.clients.backups import Backups
    from amcloud.errors import AmcloudError
    from amcloud.stages.render import database_name

    backups, failed, gone = Backups(url, folder, dump_url=dump_url), 0, 0
    try:
        known = backups.instances()
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    wanted = [database_name(one) for one in instances] if instances else [*known, backups.own]
    if strangers := sorted(set(wanted) - {*known, backups.own}):
        refuse(COMMAND, f"aucune base d'instance de ce nom : {', '.join(strangers)}")
    for database in wanted:
        try:
            made = backups.dump(database, datetime.now(UTC))
            old = backups.forget(database, keep=keep)
            typer.echo(f"{database} : {made.name}, {made.stat().st_size} octets ; {len(old)} ancienne(s) retirée(s)")
        except (AmcloudError, OSError) as error:
            if _dropped(backups, database):
                gone += 1
                typer.echo(f"{database} : supprimée pendant la sauvegarde, passée")
                continue
            failed += 1
            typer.echo(f"{database} : {error}", err=True)
    for database in [] if instances else sorted({*backups.kept()} - {*known, backups.own, CLUSTER}):
        left = len(backups.dumps(database))
        typer.echo(f"{database} : la base n'existe plus, {left} sauvegarde(s) restent, à supprimer à leur heure")
    passed = f", {gone} supprimée(s) entre-temps" if gone else ""
    typer.echo(f"{len(wanted) - failed - gone} base(s) sauvegardée(s), {failed} échec(s){passed}")
    if cluster:
        failed += not _keep_cluster(folder, keep=keep, key=key, namespace=namespace)
    if failed:
        raise typer.Exit(Exit.REFUSED)


def _dropped(backups: Backups, database: str) -> bool:
    """Whether a database that was listed is not there any more: its application was deleted meanwhile."""
    from amcloud.errors import AmcloudError

    try:
        return not backups.exists(database)
    except AmcloudError:
        return False


def _keep_cluster(folder: Path, *, keep: int, key: str, namespace: str) -> bool:
    """Whether the cluster's resources are kept in ``folder``; what there is to say of it is said."""
    from amcloud.clients import archive, assembly, rebuilding
    from amcloud.errors import AmcloudError

    now = datetime.now(UTC)
    place = folder / CLUSTER / f"{now:%Y%m%dT%H%M%SZ}{archive.SUFFIX}"
    try:
        found = rebuilding.taken(assembly.api(), namespace, now)
        archive.write(found, place, key=key)
        old = sorted(place.parent.glob(f"[0-9]*{archive.SUFFIX}"), reverse=True)[keep:]
        for one in old:
            one.unlink()
    except (AmcloudError, OSError) as error:
        typer.echo(f"cluster : {error}", err=True)
        return False
    kept = f"{len(found.secrets)} Secrets chiffrés" if key else "SANS les Secrets (AMCLOUD_BACKUP_KEY manque)"
    typer.echo(f"cluster : {place.name}, {len(found.objects)} objets, {kept} ; {len(old)} ancienne(s) retirée(s)")
    return True
