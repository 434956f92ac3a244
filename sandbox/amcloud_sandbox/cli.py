"""``amcloud sandbox prepare|up|down|status|env|authorise|withdraw``: AM Cloud on this machine."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import typer

INTERRUPTED = 130


class Output(StrEnum):
    """How `status` answers."""

    TABLE = "table"
    JSON = "json"


class As(StrEnum):
    """Whose credentials `env` gives."""

    DEVELOPER = "developpeur"
    OPERATOR = "exploitant"
    AUDITOR = "auditeur"
    DC2R = "dc2r"


_PARTS = typer.Option(None, "--parts", help="Seulement ces composants, séparés par des virgules.", show_default="tous")

_APP = typer.Argument(..., metavar="APPLICATION", help="La LocalApp : espace-de-noms/nom.")


def register(app: typer.Typer) -> None:
    """Add the ``sandbox`` group of commands to ``app``."""
    sandbox = typer.Typer(
        name="sandbox",
        help="AM Cloud sur cette machine (Debian 12, root) : Kubernetes, registre, forge, base, entrée HTTP.",
        no_args_is_help=True,
    )
    sandbox.command("prepare")(_prepare)
    sandbox.command("up")(_up)
    sandbox.command("down")(_down)
    sandbox.command("status")(_status)
    sandbox.command("env")(_env)
    sandbox.command("authorise")(_authorise)
    sandbox.command("withdraw")(_withdraw)
    app.add_typer(sandbox)


def _prepare() -> None:
    """Installe et compile ce dont le bac à sable et les tests ont besoin, sans rien démarrer."""
    from amcloud_sandbox import lifecycle
    from amcloud_sandbox.layout import Layout
    from amcloud_sandbox.progress import Progress

    with _told(), Progress() as progress:
        lifecycle.prepare(layout=Layout(), progress=progress)
        progress.line("cette machine est prête")


def _up(parts: str | None = _PARTS) -> None:
    """Démarre le bac à sable, ou ce qui en manque ; la première fois, compile Kubernetes (environ deux minutes)."""
    from amcloud_sandbox import lifecycle
    from amcloud_sandbox.layout import Layout
    from amcloud_sandbox.progress import Progress

    with _told(), Progress() as progress:
        lifecycle.up(_names(parts), layout=Layout(), progress=progress)
        progress.line('prêt. Pour l\'utiliser : eval "$(amcloud sandbox env)"')


def _down(parts: str | None = _PARTS) -> None:
    """Arrête et supprime tout ce qui a été démarré ou créé ; garde les caches. Sans effet si rien ne tourne."""
    from amcloud_sandbox import lifecycle
    from amcloud_sandbox.layout import Layout
    from amcloud_sandbox.progress import Progress

    with _told(), Progress() as progress:
        lifecycle.down(_names(parts), layout=Layout(), progress=progress)
        progress.line("arrêté")


def _status(
    output: Output = typer.Option(Output.TABLE, "--output", "-o", help="Forme de la réponse."),
) -> None:
    """Dit ce qui fonctionne.

    Code de retour : 0 tout fonctionne, 1 un composant au moins est arrêté, 3 mauvaise commande.
    """
    from amcloud_sandbox import lifecycle
    from amcloud_sandbox.layout import Layout

    with _told():
        states = lifecycle.status(Layout())
    if output is Output.JSON:
        typer.echo(json.dumps([dataclasses.asdict(state) for state in states], ensure_ascii=False, indent=2))
    else:
        for state in states:
            typer.echo(f"{state.name:<12} {'prêt' if state.healthy else 'arrêté':<8} {state.title}")
    if not all(state.healthy for state in states):
        raise typer.Exit(1)


def _env(
    role: As | None = typer.Option(None, "--as", help="Avec les droits de ce rôle.", show_default="administrateur"),
    organisation: str = typer.Option("671", "--organisation", metavar="CODE", help="Organisme du développeur."),
) -> None:
    """Écrit les variables d'environnement pour un shell : eval "$(amcloud sandbox env)"."""
    from amcloud_sandbox import access
    from amcloud_sandbox.errors import SandboxError
    from amcloud_sandbox.layout import Layout

    with _told():
        chosen = access.Role(role.value) if role else None
        if not re.fullmatch("[0-9]{3}", organisation):
            raise SandboxError(f"--organisation {organisation}", "un code à 3 chiffres est attendu")
        path = os.environ.get("PATH", os.defpath)
        found = access.variables(chosen, layout=Layout(), path=path, organisation=organisation)
    typer.echo(access.shell_lines(found), nl=False)


def _authorise(app: str = _APP) -> None:
    """Le service national d'exemple admet une application : écrit son justificatif, qui remplace le précédent."""
    from amcloud_sandbox.layout import Layout
    from amcloud_sandbox.parts.national import register as callers

    with _told():
        typer.echo(callers(Layout()).issue(app))


def _withdraw(app: str = _APP) -> None:
    """Le service national d'exemple n'admet plus une application, quoi que le réseau laisse passer."""
    from amcloud_sandbox.layout import Layout
    from amcloud_sandbox.parts.national import register as callers

    with _told():
        callers(Layout()).withdraw(app)


def _names(parts: str | None) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in parts.split(",") if name.strip()) if parts else None


@contextmanager
def _told() -> Iterator[None]:
    """Failures become a message and an exit status instead of a trace."""
    from amcloud_sandbox.errors import SandboxError

    try:
        yield
    except SandboxError as error:
        typer.echo(f"Échec – {error.doing}", err=True)
        if error.hint:
            typer.echo(error.hint, err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("Interrompu. « amcloud sandbox up » reprend, « amcloud sandbox down » nettoie.", err=True)
        raise typer.Exit(INTERRUPTED) from error
