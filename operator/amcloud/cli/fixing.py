"""``amcloud check --fix``: shows the mechanical corrections as one patch, asks, then writes them.

Only files of the checked folder are written, never through a link, each whole or not at all, and only where nothing
uncommitted would be lost or mixed up, unless that is insisted upon.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from amcloud.cli import terminals
from amcloud.cli.exits import Exit, closed_pipe_is_enough, refuse, why

if TYPE_CHECKING:
    from amcloud.cli.question import Target
    from psram.fixes import Correction
    from psram.model import Report

COMMAND: Final = "check"
_MOST_BYTES: Final = 4 * 1024 * 1024


class Tree:
    """The files of a folder, reached one folder after the other so that no link leads elsewhere."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        """The content of a regular file of the tree; ``None`` for anything else."""
        try:
            with self._opened(path) as descriptor:
                if not stat.S_ISREG(os.fstat(descriptor.number).st_mode):
                    return None
                content = os.read(descriptor.number, _MOST_BYTES + 1)
        except (OSError, ValueError):
            return None
        return content if len(content) <= _MOST_BYTES else None

    def write(self, path: str, before: bytes, after: bytes) -> None:
        """Replace the content, its rights kept, if it still is ``before``. Raises ``OSError``."""
        if self.read(path) != before:
            raise OSError(0, "il a changé entre-temps")
        *folders, name = _parts(path)
        with _Descriptor.folder(self._root, folders) as folder:
            mode = stat.S_IMODE(os.stat(name, dir_fd=folder.number, follow_symlinks=False).st_mode)
            temporary = f".{name}.{os.getpid()}.amcloud"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder.number), "wb") as opened:
                    opened.write(after)
                    os.fchmod(opened.fileno(), mode)
                os.replace(temporary, name, src_dir_fd=folder.number, dst_dir_fd=folder.number)
            except BaseException:
                _removed(temporary, folder.number)
                raise

    def _opened(self, path: str) -> _Descriptor:
        *folders, name = _parts(path)
        with _Descriptor.folder(self._root, folders) as folder:
            return _Descriptor(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder.number))


class _Descriptor:
    """An open file or folder, closed at the end of a ``with``."""

    def __init__(self, number: int) -> None:
        self.number = number

    @classmethod
    def folder(cls, root: Path, names: list[str]) -> _Descriptor:
        """A folder below ``root``, every step of the way a real one."""
        number = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=number)
                os.close(number)
                number = below
        except OSError:
            os.close(number)
            raise
        return cls(number)

    def __enter__(self) -> _Descriptor:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self.number)


def _removed(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        return


def _parts(path: str) -> list[str]:
    """The names of a path of the tree. Raises ``ValueError`` for one that leads out of it."""
    names = path.split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in names) or names[0] == ".git":
        raise ValueError(path)
    return names


def fix(report: Report, folder: Path, *, yes: bool, force: bool) -> bool:
    """Whether corrections were written. Shows them first; ends the command where they may not be."""
    from psram import fixes

    tree = Tree(folder)
    made = fixes.corrections(report, tree.read)
    if not made:
        typer.echo("Aucune correction mécanique : suivez les remèdes (amcloud check --explain RÈGLE).", err=True)
        return False
    _show(fixes.patch(made))
    mixed = sorted({correction.path for correction in made} & set(report.uncommitted))
    if mixed and not force:
        refuse(COMMAND, _mixed(report, mixed), Exit.REFUSED)
    if not yes and not _agreed(made):
        typer.echo("Rien n'a été écrit.", err=True)
        return False
    _write(tree, made, committed=bool(report.commit))
    return True


def mended(report: Report, target: Target) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rules that would be corrected in the target's folder: those that nothing is left of, and those in part."""
    from psram import fixes
    from psram.worker.protocol import Ask

    if target.ask is not Ask.WORKTREE:
        return (), ()
    tree = Tree(Path(target.path))
    rules = {rule for correction in fixes.corrections(report, tree.read) for rule in correction.rules}
    whole = rules & fixes.settled(report, tree.read) if rules else rules
    return tuple(sorted(whole)), tuple(sorted(rules - whole))


def _mixed(report: Report, paths: list[str]) -> str:
    shown = ", ".join(paths[:3]) + (f" et {len(paths) - 3} autres" if len(paths) > 3 else "")  # noqa: PLR2004
    if not report.commit:
        return "rien n'a été écrit : ce dossier n'a pas de commit où revenir ; faites-en un, ou ajoutez --force"
    return f"rien n'a été écrit : {shown} a des modifications non validées ; validez-les, ou ajoutez --force"


def _show(text: str) -> None:
    colours = {"+": "32", "-": "31", "@": "36"} if terminals.coloured(sys.stdout) else {}
    lines = (
        f"\x1b[{colours[line[0]]}m{line}\x1b[0m" if line[:1] in colours else line
        for line in text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split("\n")
    )
    with closed_pipe_is_enough():
        typer.echo("\n".join(lines), nl=False)


def _agreed(made: tuple[Correction, ...]) -> bool:
    """What the person at the terminal answers; nobody there means no."""
    if not sys.stdin.isatty():
        typer.echo("Ajoutez --yes pour écrire ces corrections.", err=True)
        return False
    files = "ce fichier" if len(made) == 1 else f"ces {len(made)} fichiers"
    typer.echo(f"Corriger {files} ? [o/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() in ("o", "oui", "y", "yes")


def _write(tree: Tree, made: tuple[Correction, ...], *, committed: bool) -> None:
    for number, correction in enumerate(made):
        try:
            tree.write(correction.path, correction.before, correction.after)
        except (OSError, ValueError) as error:
            done = f"{number} sur {len(made)} corrigés avant"
            refuse(COMMAND, f"{correction.path} ne peut pas être écrit ({why(error)}) ; {done}", Exit.COULD_NOT_TELL)
    several = "s" if len(made) > 1 else ""
    done = f"{len(made)} fichier{several} corrigé{several}"
    if committed:
        typer.echo(f"{done}. « git diff » les montre, « git restore » les rend.", err=True)
    else:
        typer.echo(f"{done} ; ce dossier n'a pas de commit : rien ne rendra leur état d'avant.", err=True)
