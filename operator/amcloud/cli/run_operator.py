"""``amcloud operator``: the operator itself, in its pod or on a machine with a kubeconfig."""

from __future__ import annotations

import os

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("operator", help="Fait tourner l'opérateur (réglé par les variables AMCLOUD_*), jusqu'à son arrêt.")
    def run_operator(
        log_level: str = typer.Option("info", "--log-level", help="Niveau du journal : debug, info, warning ou error."),
    ) -> None:
        import asyncio

        from amcloud import clients, errors, handlers, leftovers, logs
        from amcloud.clients import assembly
        from amcloud.clients.commands import WORKERS, Commands
        from amcloud.dispatch import Dispatcher
        from amcloud.settings import Settings

        try:
            logs.configure(log_level)
            world = clients.world(Settings.from_environment(os.environ))
            commands = Commands(assembly.api(connections=WORKERS), chores=(lambda: leftovers.sweep(world),))
        except (errors.AmcloudError, ValueError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        asyncio.run(handlers.run(Dispatcher(world), commands))
