"""``amcloud restore --cluster``: an empty cluster and an empty PostgreSQL become what the last backup kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from amcloud.cli.backup import CLUSTER
from amcloud.cli.exits import Exit, refuse

if TYPE_CHECKING:
    from amcloud.clients.archive import Archive
    from amcloud.clients.backups import Backups

COMMAND: Final = "restore"
LATEST: Final = "LATEST"


def rebuild(url: str, folder: Path, source: str, key: str) -> None:
    """Databases first, so that no pass makes an empty one where a dump belongs; then the resources."""
    from amcloud.clients import archive, assembly, rebuilding
    from amcloud.clients.backups import Backups
    from amcloud.errors import AmcloudError, UnavailableError

    path = _chosen(folder, source)
    try:
        found, api = archive.read(path, key=key), assembly.api()
        if there := rebuilding.local_apps(api):
            refuse(COMMAND, f"le cluster n'est pas vide : {len(there)} LocalApp ({there[0]}…)", Exit.REFUSED)
        typer.echo(
            f"Archive {path.name}, prise le {found.taken_at} : {len(found.objects)} objets, {_secrets(found, key)}."
        )
        failed = _databases(Backups(url, folder))
        counts: Counter[tuple[str, bool]] = Counter()
        for one in rebuilding.written(api, found):
            counts[one.kind, one.made] += 1
            if not one.made:
                typer.echo(f"{one.kind} {one.name} : existe déjà, laissé comme il est", err=True)
    except UnavailableError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.REFUSED)
    typer.echo("Rétabli : " + ", ".join(f"{number} {kind}" for (kind, made), number in counts.items() if made) + ".")
    if not found.secrets:
        typer.echo("Aucun Secret n'a été rétabli : recréez amcloud-settings et les jetons de forge.", err=True)
    typer.echo("Démarrez l'opérateur : ses passages refont les instances. Puis : amcloud doctor.")
    if failed:
        raise typer.Exit(Exit.REFUSED)


def _chosen(folder: Path, source: str) -> Path:
    kept = sorted((folder / CLUSTER).glob("[0-9]*.json.gz"), reverse=True)
    path = kept[0] if source == LATEST and kept else Path(source)
    if path.is_file():
        return path
    return refuse(COMMAND, f"--from {source} : aucune archive (amcloud backup --cluster) dans {folder / CLUSTER}")


def _secrets(found: Archive, key: str) -> str:
    if found.secrets:
        return f"{len(found.secrets)} Secrets"
    if found.sealed and not key:
        return "Secrets chiffrés, laissés de côté (AMCLOUD_BACKUP_KEY manque)"
    return "sans Secrets"


def _databases(backups: Backups) -> int:
    """How many databases could not be restored; each is told."""
    from amcloud.errors import AmcloudError, BrokenInstallationError

    failed = 0
    for database in backups.kept():
        dump = backups.dumps(database)[0]
        try:
            if database == backups.own:
                backups.restore_own(dump)
            elif backups.exists(database):
                raise BrokenInstallationError("existe déjà : amcloud restore NOM --stage … la remplace, une à une")
            else:
                backups.restore(database, dump)
            typer.echo(f"Base {database} : rétablie de {dump.name}.")
        except AmcloudError as error:
            failed += 1
            typer.echo(f"Base {database} : {error}", err=True)
    return failed
