"""``amcloud images``: what the registry holds for the applications: retention, attestations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form

if TYPE_CHECKING:
    from amcloud.stages.steering.retention import Fate

COMMAND: Final = "images"
_HELP: Final = "Les images des applications dans le registre : ce qui peut partir, et d'où elles viennent."
_PRUNE: Final = (
    "Retire du registre les images dont plus rien n'a besoin.\n\n"
    "Reste tout ce que le cluster nomme, par son empreinte ou par son commit (révision en service, historique, "
    "demande de retour ou de promotion, pods, tâches planifiées), tout ce qui est plus récent que --keep-days, et tout "
    "ce dont l'âge est inconnu. Seuls les dépôts des projets des LocalApp sont touchés ; une attestation part avec son "
    "image. Ce qui n'a pas pu être lu arrête tout : rien n'est retiré dans le doute. Le registre ne libère le disque "
    "qu'à son propre ramasse-miettes.\n\n"
    "Code de retour : 0 c'est fait, 1 un retrait a échoué, 2 cluster ou registre injoignable, 3 mauvaise commande."
)
_EXAMPLES: Final = "Exemples :\n\namcloud images prune --dry-run\n\namcloud images prune --keep-days 90 --output json"
_KEY: Final = (
    "Affiche la clé publique qui vérifie les attestations, en base64.\n\n"
    "À donner aux chaînes (AMCLOUD_PROVENANCE_PUBLIC_KEY), à un auditeur, ou, avant d'en changer, à "
    "AMCLOUD_PROVENANCE_PUBLIC_KEYS. La clé privée est lue dans AMCLOUD_PROVENANCE_KEY, et n'est jamais affichée."
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    group.command(name="prune", help=_PRUNE, epilog=_EXAMPLES)(prune)
    group.command(name="key", help=_KEY)(public_key)
    app.add_typer(group, name=COMMAND)


def prune(  # noqa: PLR0917  options, given by name
    registry_url: Annotated[str, typer.Option(envvar="AMCLOUD_REGISTRY_URL", hidden=True)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dit ce qui partirait, et ne retire rien.")] = False,
    keep_days: Annotated[
        int, typer.Option(min=1, envvar="AMCLOUD_IMAGES_KEEP_DAYS", help="Âge en dessous duquel rien ne part.")
    ] = 30,
    output: AsForm = Form.TEXT,
    user: Annotated[str, typer.Option(envvar="AMCLOUD_REGISTRY_USER", hidden=True)] = "",
    password: Annotated[str, typer.Option(envvar="AMCLOUD_REGISTRY_PASSWORD", hidden=True)] = "",
) -> None:
    """Remove what nothing needs."""
    from amcloud.clients import assembly, image_users
    from amcloud.clients.image_store import ImageStore
    from amcloud.clients.registry_access import RegistryAccount
    from amcloud.errors import AmcloudError
    from amcloud.stages.steering import retention

    store, failed = ImageStore(registry_url, RegistryAccount(user, password)), []
    try:
        api = assembly.api()
        # Images first: what is deployed between the two readings is named in the second.
        apps = image_users.applications(api)
        stored = [one for each in image_users.repositories(apps) for one in store.stored(each)]
        wanted = retention.needed(image_users.texts(api, image_users.applications(api)))
    except AmcloudError as error:
        refuse(f"{COMMAND} prune", str(error), Exit.COULD_NOT_TELL)
    fates = retention.fates(stored, wanted, now=datetime.now(UTC), keep=timedelta(days=keep_days))
    for fate in fates if not dry_run else ():
        if fate.goes:
            try:
                store.remove(fate.repository, fate.digest)
            except AmcloudError as error:
                failed.append(str(error))
    answer(told(fates, output, dry_run=dry_run), command=COMMAND)
    for problem in failed:
        typer.echo(problem, err=True)
    if failed:
        raise typer.Exit(Exit.REFUSED)


def told(fates: Sequence[Fate], output: Form, *, dry_run: bool) -> bytes:
    """What was decided, for a person or a program."""
    going = [fate for fate in fates if fate.goes]
    if output is Form.JSON:
        rows = [
            {"repository": f.repository, "digest": f.digest, "tags": f.tags, "goes": f.goes, "why": f.why}
            for f in fates
        ]
        return f"{json.dumps({'dryRun': dry_run, 'images': rows}, ensure_ascii=False, indent=2)}\n".encode()
    lines = [f"{fate.repository}@{fate.digest[:19]}  {fate.why}  ({', '.join(fate.tags)})" for fate in going]
    verb = "à retirer" if dry_run else "retirée(s)"
    return "\n".join([*lines, f"{len(going)} {verb}, {len(fates) - len(going)} gardée(s)", ""]).encode()


def public_key(key: Annotated[str, typer.Option(envvar="AMCLOUD_PROVENANCE_KEY", hidden=True)] = "") -> None:
    """Print the public half of the operator's key."""
    from amcloud.clients.signing import Signer
    from amcloud.errors import BrokenInstallationError

    try:
        found = Signer(key).public_key
    except BrokenInstallationError as error:
        refuse(f"{COMMAND} key", str(error))
    if not found:
        refuse(f"{COMMAND} key", "AMCLOUD_PROVENANCE_KEY est vide : il n'y a pas de clé", Exit.COULD_NOT_TELL)
    answer(f"{found}\n".encode(), command=COMMAND)
