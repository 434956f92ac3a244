"""``amcloud forge connect PROJECT``: ties a project of the forge to the platform; ``doctor`` says what is wrong."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from amcloud.cli.exits import Exit, answer, refuse
from amcloud.cli.options import AsForm, Form

if TYPE_CHECKING:
    from amcloud.clients.forge_link import ForgeLink
    from amcloud.clients.kubernetes_api import Api
    from amcloud.settings import Settings
    from amcloud.stages.to_forge.forge_link import SecretState, Step

COMMAND: Final = "forge connect"
_HELP: Final = (
    "Relie un projet de la forge à AM Cloud : le webhook, les labels, un jeton de déploiement qui ne fait que lire.\n\n"
    "À relancer sans crainte : ce qui est en place reste, ce qui manque ou cloche est mis en ordre, et tout est dit. "
    "Le jeton de la forge doit être celui d'un Maintainer du projet : variable GITLAB_TOKEN, sinon celui de "
    "l'opérateur. Les réglages viennent des variables AMCLOUD_*, sinon de « amcloud-settings » dans le cluster. Aucun "
    "jeton n'est affiché.\n\n"
    "Code de retour : 0 relié (ou rien à faire), 1 refusé, 2 forge ou cluster sans réponse, 3 mauvaise commande."
)
_EXAMPLES: Final = (
    "Exemples :\n\namcloud forge connect cpam-bas-rhin/suivi-courriers --dry-run\n\n"
    "amcloud forge connect cpam-bas-rhin/suivi-courriers --secret cpam-bas-rhin/forge-token"
)
_PLACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run was asked."""

    project: str
    webhook_url: str
    secret: str
    dry_run: bool
    today: date


def register(app: typer.Typer) -> None:
    """Add the commands."""
    forge = typer.Typer(help="Les projets de la forge : les relier à AM Cloud.", no_args_is_help=True)
    forge.command("connect", help=_HELP, epilog=_EXAMPLES)(connect)
    forge.callback()(_group)
    app.add_typer(forge, name="forge")


def _group() -> None:
    """A group of one command stays a group."""


def connect(  # noqa: PLR0917  options, given by name
    project: Annotated[str, typer.Argument(metavar="PROJET", help="Chemin du projet : groupe/projet.")],
    secret: Annotated[
        str, typer.Option(metavar="ESPACE/NOM", help="Secret où ranger le jeton de déploiement ; sans lui, aucun.")
    ] = "",
    webhook_url: Annotated[
        str, typer.Option("--webhook-url", metavar="ADRESSE", help="Adresse du webhook ; celle des réglages sans elle.")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="ESPACE", help="Espace de noms de l'opérateur.")
    ] = "amcloud-system",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dit ce qui serait fait, sans rien changer.")] = False,
    output: AsForm = Form.TEXT,
) -> None:
    """Look, plan, carry out, and say what was done."""
    from amcloud.errors import AmcloudError, RepositoryRefusedError, UnavailableError

    if secret and not _PLACE.fullmatch(secret):
        refuse(COMMAND, f"--secret {secret} : écrivez ESPACE/NOM")
    try:
        settings, api = _settings(namespace, cluster=bool(secret))
        asked = Asked(project, webhook_url or settings.webhook_url, secret, dry_run, datetime.now(UTC).date())
        done = list(_connected(asked, settings, api))
    except UnavailableError as error:
        refuse(COMMAND, str(error), Exit.COULD_NOT_TELL)
    except RepositoryRefusedError as error:
        refuse(COMMAND, f"{error} Ici, il faut le rôle Maintainer (GITLAB_TOKEN).", Exit.REFUSED)
    except AmcloudError as error:
        refuse(COMMAND, str(error), Exit.REFUSED)
    told = (
        _as_json(done, dry_run=dry_run)
        if output is Form.JSON
        else "".join(f"{line}\n" for line in _as_text(done, dry_run=dry_run))
    )
    answer(told.encode(), command=COMMAND)


def _connected(asked: Asked, settings: Settings, api: Api | None) -> Iterator[tuple[str, str]]:
    """What was done, as an action and a sentence each."""
    from amcloud.clients import forge_link as client
    from amcloud.clients.forge_calls import OPERATORS, ForgeCalls
    from amcloud.stages.to_forge import forge_link as link

    own = os.environ.get("GITLAB_TOKEN")
    holder = "donné (GITLAB_TOKEN)" if own else OPERATORS
    calls = ForgeCalls(settings.forge_url, own or settings.forge_token, holder=holder)
    project = client.ForgeLink(calls, asked.project)
    events = link.events_of(asked.project, norms_project=settings.norms_project)
    labels = link.labels_of(asked.project, norms_project=settings.norms_project)
    wanted = link.Wanted(asked.webhook_url, asked.secret, events, labels)
    steps = link.plan(project.found(_secret(api, asked)), wanted, today=asked.today)
    hooked = False
    for step in steps:
        if not asked.dry_run:
            _carry_out(step, project, asked, settings, api)
        hooked = hooked or step.action in {link.Action.CREATE_HOOK, link.Action.UPDATE_HOOK}
        yield step.action.value, step.said
    if hooked and not asked.dry_run:
        problem = project.test(asked.webhook_url)
        yield "test", f"Envoi d'essai sans succès : {problem}" if problem else "Envoi d'essai reçu par l'opérateur"


def _carry_out(step: Step, project: ForgeLink, asked: Asked, settings: Settings, api: Api | None) -> None:
    from amcloud.clients import forge_link as client
    from amcloud.stages.to_forge.forge_link import events_of

    made = project.carry_out(
        step,
        url=asked.webhook_url,
        webhook_token=settings.webhook_token,
        today=asked.today,
        events=events_of(asked.project, norms_project=settings.norms_project),
    )
    if made is not None and api is not None:
        client.write_secret(api, asked.secret, asked.project, made)


def _secret(api: Api | None, asked: Asked) -> SecretState:
    from amcloud.clients import forge_link as client
    from amcloud.stages.to_forge.forge_link import SecretState

    return client.secret_state(api, asked.secret, asked.project) if api is not None else SecretState.UNASKED


def _settings(namespace: str, *, cluster: bool) -> tuple[Settings, Api | None]:
    """The operator's settings, from here or from the cluster, and the cluster's API when it is needed."""
    from amcloud.clients import assembly, installation
    from amcloud.settings import Settings

    here: Mapping[str, str] = {name: text for name, text in os.environ.items() if name.startswith("AMCLOUD_")}
    if "AMCLOUD_DATABASE_URL" in here and not cluster:
        return Settings.from_environment(here), None
    api = assembly.api()
    known = here if "AMCLOUD_DATABASE_URL" in here else installation.settings(api, namespace)
    return Settings.from_environment(known), api if cluster else None


def _as_text(done: list[tuple[str, str]], *, dry_run: bool) -> Iterator[str]:
    for action, said in done:
        written = action not in {"keep", "left", "test"}
        mark = ("à faire" if dry_run else "fait") if written else "       "
        yield f"{mark:8}{said}"
    changes = sum(action not in {"keep", "left", "test"} for action, _ in done)
    yield ""
    if changes and dry_run:
        yield f"{changes} changement(s) à faire ; rien n'est modifié (--dry-run)."
    else:
        yield f"{changes} changement(s)." if changes else "Rien à faire : le projet est relié."


def _as_json(done: list[tuple[str, str]], *, dry_run: bool) -> str:
    unwritten = {"keep", "left", "test"}
    listed = [
        {"action": action, "done": action not in unwritten and not dry_run, "message": said} for action, said in done
    ]
    return json.dumps(listed, ensure_ascii=False, indent=2) + "\n"
