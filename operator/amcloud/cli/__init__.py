"""The one command of the product, ``amcloud``. Each command is a module of its own, found by the entry-point group.

Exit statuses are the same for all commands: :mod:`amcloud.cli.exits`.

A command module has ``register(app: typer.Typer) -> None`` and imports what it needs inside its functions, so that
``amcloud --help`` and shell completion stay fast. Packages other than ours add commands the same way.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup, TyperOption

from amcloud.cli.exits import Exit, closed_pipe_is_enough

COMMAND_GROUP = "amcloud.commands"
PATIENCE_S: Final = 1.0
"""Seconds that threads get to tidy up after an interruption."""

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # typer carries its own click: this is its public way in
_HELP_FLAGS: Final = frozenset({"-h", "--help"})
_OPTIONS: Final = {
    "help": "Affiche cette aide et s'arrête.",
    "install_completion": "Installe la complétion pour le shell courant.",
    "show_completion": "Affiche la complétion du shell courant, pour la copier ou l'adapter.",
}
"""Help of the options that typer adds by itself."""
_WORDS: Final = {
    "DEFAULT_STRING": "[par défaut : {}]",
    "ENVVAR_STRING": "[variable : {}]",
    "REQUIRED_LONG_STRING": "[obligatoire]",
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commandes",
    "ERRORS_PANEL_TITLE": "Erreur",
    "ABORTED_TEXT": "Interrompu.",
    "RICH_HELP": "« {command_path} {help_option} » dit comment faire.",
}
"""Words that typer puts around ours, by the names of its constants."""


class FrenchGroup(TyperGroup):
    """A group of commands whose help and that of its commands are in French, typer's own words included."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of a command line, with typer's words changed if they are about to be read."""
        # one word may name a group, which answers with its help
        if not extra.get("resilient_parsing") and (len(args) < 2 or _HELP_FLAGS & set(args)):  # noqa: PLR2004
            _speak_french()
        try:
            return super().make_context(info_name, args, parent, **extra)
        except _UsageError as error:
            _told_in_french(error)
            raise
        except KeyboardInterrupt:
            _interrupted()

    def invoke(self, ctx: Any) -> Any:
        """What the command answers; a wrong command line is told in French, a closed pipe is no error."""
        try:
            with closed_pipe_is_enough():
                return super().invoke(ctx)
        except _UsageError as error:
            _told_in_french(error)
            raise
        except KeyboardInterrupt:
            _interrupted()

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters of the group itself."""
        return _in_french(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or ``None``."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            _command_in_french(found, ctx)
        return found


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
    try:
        build(*sys.argv[1:2])()
    except KeyboardInterrupt:  # while commands were being loaded
        sys.exit(Exit.INTERRUPTED)


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=COMMAND_GROUP), key=lambda entry_point: entry_point.name)


def _interrupted() -> NoReturn:
    typer.echo("\nInterrompu.", err=True)
    until = time.monotonic() + PATIENCE_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():  # its own programs end with us: they read from a pipe
                os._exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.INTERRUPTED)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"amcloud {version('amcloud')}")
        raise typer.Exit


def _command_in_french(command: Any, ctx: Any) -> None:
    """Options that typer adds to ``command``, and to its own commands, speak French."""
    _in_french([command.get_help_option(ctx), *command.params])
    members: Mapping[str, Any] = getattr(command, "commands", {})
    for member in members.values():
        _command_in_french(member, ctx)


def _in_french(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption):
            parameter.help = _OPTIONS.get(parameter.name or "", parameter.help)
            if parameter.is_flag:
                parameter.metavar = ""  # a flag takes no value, though typer shows « <bool> »
    return parameters


def _told_in_french(error: Exception) -> None:
    """Give ``error``, a wrong command line, French words and the exit status of all wrong command lines."""
    from amcloud.cli.mistakes import in_french

    setattr(error, "exit_code", int(Exit.USAGE))  # noqa: B010  a class variable for mypy, read from the instance by click

    _speak_french()
    said = in_french(error.format_message())  # type: ignore[attr-defined]
    setattr(error, "format_message", lambda: said)  # noqa: B010  a method for mypy, read from the instance by click


def _speak_french() -> None:
    """Late, since these words come with rich, which takes longer to load than most commands to answer."""
    from typer import rich_utils

    for name, words in _WORDS.items():
        setattr(rich_utils, name, words)
