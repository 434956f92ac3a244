"""The one command of the product, ``amcloud``. Each command is a module of its own, found by the entry-point group.

A command module has ``register(app: typer.Typer) -> None`` and imports what it needs inside its functions, so that
``amcloud --help`` and shell completion stay fast. Packages other than ours add commands the same way.
"""

from __future__ import annotations

from importlib.metadata import entry_points, version

import typer

COMMAND_GROUP = "amcloud.commands"


def build() -> typer.Typer:
    """The application with every installed command, in alphabetical order."""
    app = typer.Typer(
        name="amcloud",
        help="AM Cloud : héberge les applications conformes aux normes, refuse les autres en disant pourquoi.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _root(
        show_version: bool = typer.Option(False, "--version", help="Affiche la version et s'arrête.", is_eager=True),
    ) -> None:
        if show_version:
            typer.echo(f"amcloud {version('amcloud')}")
            raise typer.Exit

    for entry_point in sorted(entry_points(group=COMMAND_GROUP), key=lambda entry_point: entry_point.name):
        entry_point.load().register(app)
    return app


def main() -> None:
    """Run the command line."""
    build()()
