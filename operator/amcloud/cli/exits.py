"""How commands of ``amcloud`` end: one table of exit statuses, one way to refuse, one way to answer on standard output.

0 done (or conforming), 1 refused (or not conforming), 2 could not tell, 3 wrong command line, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import typer


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    REFUSED = 1
    COULD_NOT_TELL = 2
    USAGE = 3
    INTERRUPTED = 130


def refuse(command: str, message: str, status: Exit = Exit.USAGE) -> NoReturn:
    """End with one sentence on standard error."""
    typer.echo(f"amcloud {command} : {message}", err=True)
    raise typer.Exit(status)


@contextmanager
def told(command: str) -> Iterator[None]:
    """The engine's errors become one sentence: what the asker can mend is a wrong command, the rest, no answer."""
    from psram.errors import PsramError, UsageError

    try:
        yield
    except UsageError as error:
        refuse(command, str(error))
    except PsramError as error:
        refuse(command, str(error), Exit.COULD_NOT_TELL)


def answer(content: bytes, output: Path | None = None, *, command: str) -> None:
    """``content`` on standard output, or in the file ``output``.

    A reader that closes the pipe (``| head``) has read enough: no error, and the exit status stays the answer's.
    """
    if output is None:
        with closed_pipe_is_enough():
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        refuse(command, f"--output {output} ne peut pas être écrit ({why(error)})")
    typer.echo(f"Rapport écrit dans {output}", err=True)


def why(error: Exception) -> str:
    """Why a file cannot be used, in French where the reason is a usual one."""
    known: dict[type[Exception], str] = {
        PermissionError: "vous n'en avez pas le droit",
        FileNotFoundError: "il n'existe pas, ou son dossier",
        IsADirectoryError: "c'est un dossier",
        NotADirectoryError: "un de ses dossiers est un fichier",
    }
    return known.get(type(error)) or getattr(error, "strerror", None) or str(error)


@contextmanager
def closed_pipe_is_enough() -> Iterator[None]:
    """Stop writing when the reader of standard output left; what Python would still flush at the end is dropped."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
