"""``amcloud demo``: the whole job on this machine, or on a cluster that the user has."""

from __future__ import annotations

import sys

import typer

FAILED, INTERRUPTED = 1, 130


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo")(_demo)


def _demo(
    app: str | None = typer.Option(None, "--app", help="Un dépôt à vous (chemin ou URL git) au lieu des exemples."),
    context: str | None = typer.Option(None, "--context", help="Contexte kubectl d'un cluster que vous avez."),
    registry: str | None = typer.Option(None, "--registry", help="Registre d'images que ce cluster atteint."),
    forge: str | None = typer.Option(None, "--forge", help="GitLab que ce cluster atteint (jeton : FORGE_TOKEN)."),
    down: bool = typer.Option(False, "--down", help="Arrête et retire tout ; garde les caches."),
) -> None:
    """Montre tout le métier : d'un push à une application hébergée, ou à un refus qui dit pourquoi."""
    from amcloud_sandbox.demo import theatre
    from amcloud_sandbox.demo.narrator import Narrator, ObservationFailedError
    from amcloud_sandbox.errors import SandboxError

    narrator = Narrator()
    try:
        if down:
            theatre.close(narrator)
        else:
            theatre.play(narrator, theatre.Wishes(app=app, context=context, registry=registry, forge=forge))
    except ObservationFailedError as error:
        narrator.say(f"✘ {error}")
        raise typer.Exit(FAILED) from error
    except SandboxError as error:
        sys.stderr.write(f"Échec : {error}\n")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        sys.stderr.write("Interrompu. « make demo » reprend, « make demo-down » nettoie.\n")
        raise typer.Exit(INTERRUPTED) from error
