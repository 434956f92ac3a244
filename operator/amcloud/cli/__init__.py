"""The one command of the product, ``amcloud``. Each command is a module of its own, found by the entry-point group.

Exit statuses are the same for all commands: :mod:`amcloud.cli.exits`.

A command module has ``register(app: typer.Typer) -> None`` and imports what it needs inside its functions, so that
``amcloud --help`` and shell completion stay fast. Packages other than ours add commands the same way.
"""

from __future__ import annotations

import gc
import sys
from importlib.metadata import EntryPoint, entry_points, version

import typer

from amcloud.cli.exits import Exit
from amcloud.cli.french import FrenchGroup

COMMAND_GROUP = "amcloud.commands"
_SELDOM = (20_000, 20, 20)
"""How seldom a command looks for garbage: it lives for a moment, and makes little."""


def build(word: str = "") -> typer.Typer:
    """The application with every installed command, in alphabetical order; that one alone where ``word`` names one.

    To make thirty commands takes longer than most of them take to answer.
    """
    app = typer.Typer(
        name="amcloud",
        cls=FrenchGroup,
        help="AM Cloud : héberge les applications conformes aux normes, refuse les autres en disant pourquoi.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _root(
        show_version: bool = typer.Option(
            False, "--version", callback=_version, is_eager=True, help="Affiche la version et s'arrête."
        ),
    ) -> None:
        pass

    for entry_point in entry_points(group=COMMAND_GROUP, name=word) or _installed():
        entry_point.load().register(app)
    return app


def main() -> None:
    """Run the command line."""
    gc.set_threshold(*_SELDOM)
    try:
        build(*sys.argv[1:2])()
    except KeyboardInterrupt:  # while commands were being loaded
        sys.exit(Exit.INTERRUPTED)
    finally:
        gc.freeze()  # the process ends: a search for garbage would take 30 ms after a check


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=COMMAND_GROUP), key=lambda entry_point: entry_point.name)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"amcloud {version('amcloud')}")
        raise typer.Exit
