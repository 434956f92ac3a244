"""All that typer says by itself, in French: around helps, of wrong command lines, when a command is interrupted."""

from __future__ import annotations

import copy
import functools
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup, TyperOption

from amcloud.cli.exits import Exit, closed_pipe_is_enough

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
_USAGE: Final = "Usage : "
_MEMBERS: Final = "COMMANDE [ARGUMENTS]..."
_TYPES: Final = {
    "str": "TEXTE",
    "int": "N",
    "int range": "N",
    "float": "NOMBRE",
    "float range": "NOMBRE",
    "path": "CHEMIN",
    "file": "FICHIER",
    "directory": "DOSSIER",
}
"""What a value is, by what typer calls it between < and >."""
_EXITS: Final = (
    "Code de retour : 0 c'est fait, 1 refusé ou échoué, 2 pas de réponse, 3 mauvaise commande, 130 interrompu."
)
"""Said of a command whose help does not say it in its own words."""


class FrenchContext(typer.Context):
    """What writes the line of usage."""

    def make_formatter(self) -> Any:
        """The formatter, whose usage begins in French."""
        formatter = super().make_formatter()
        setattr(formatter, "write_usage", functools.partial(formatter.write_usage, prefix=_USAGE))  # noqa: B010  a method for mypy, read from the instance by click
        return formatter


class FrenchGroup(TyperGroup):
    """A group of commands whose help and that of its commands are in French, typer's own words included."""

    context_class = FrenchContext

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
        self.subcommand_metavar = _MEMBERS
        return _in_french(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or ``None``."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            _command_in_french(found, ctx)
        return found


def _interrupted() -> NoReturn:
    typer.echo("\nInterrompu.", err=True)
    until = time.monotonic() + PATIENCE_S
    for thread in threading.enumerate():
        if thread is threading.current_thread() or thread.daemon:
            continue
        try:
            thread.join(max(0.0, until - time.monotonic()))
            alive = thread.is_alive()
        except RuntimeError:  # it was about to start
            alive = True
        if alive:  # its own programs end with us: they read from a pipe
            os._exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.INTERRUPTED)


def _command_in_french(command: Any, ctx: Any) -> None:
    """All that typer adds to ``command``, and to its own commands, speaks French."""
    command.context_class = FrenchContext
    _in_french([command.get_help_option(ctx), *command.params])
    members: Mapping[str, Any] = getattr(command, "commands", {})
    if members:
        command.subcommand_metavar = _MEMBERS
    elif "Code de retour" not in (command.help or ""):
        command.help = f"{command.help or ''}\n\n{_EXITS}"
    for member in members.values():
        _command_in_french(member, ctx)


def _in_french(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption):
            parameter.help = _OPTIONS.get(parameter.name or "", parameter.help)
        known = copy.copy(parameter.type)  # typer's own is shared by all parameters of that type
        known.get_metavar = functools.partial(_typed, known)
        parameter.type = known
    return parameters


def _typed(known: Any, param: Any, ctx: Any) -> str | None:
    """What a value is: choices as they are; nothing of an argument, whose name says it."""
    own: str | None = type(known).get_metavar(known, param=param, ctx=ctx)
    if own is not None or known.name not in _TYPES:
        return own
    return _TYPES[known.name] if isinstance(param, TyperOption) else ""


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
    coloured = rich_utils.OptionHighlighter
    coloured.highlights = [*coloured.highlights, f"(?P<usage>{_USAGE})"]
