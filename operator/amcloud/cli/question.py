"""What ``amcloud check`` is asked: the words of a command line become a request to the engine, or a refusal.

Pure but for looking at what a path is, and at this machine's PHP and git.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from amcloud.cli.exits import why
from amcloud.masking import mask

if TYPE_CHECKING:
    from psram.model import Context, Limits, Php, Report
    from psram.rules import Pack
    from psram.worker.protocol import Ask

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SSH: Final = re.compile(r"(ssh://|[\w.-]+@[\w.-]+:)", re.IGNORECASE)
_READ: Final = ("https://", "http://", "file://")
URL_TIMEOUT_S: Final = 60.0
EVIDENCE_MAX_BYTES: Final = 64 * 1024 * 1024


class Target(NamedTuple):
    """What to read: a folder or repository, a commit of one, or an address."""

    ask: Ask
    path: str
    commit: str = "HEAD"

    def shown(self) -> str:
        """As it is typed in a next command, empty for the current folder."""
        from psram.worker.protocol import Ask

        here = self.ask is not Ask.URL and Path(self.path) == Path.cwd()
        words = [] if here else [mask(self.path) if self.ask is Ask.URL else _short(self.path)]
        return " ".join([*words, *([f"--commit {self.commit}"] if self.commit != "HEAD" else [])])


def target(asked: str, commit: str) -> Target:
    """What ``asked``, a path, an address or a commit of the current repository, names.

    Raises:
        UsageError: none of them, something that cannot be read, or no git to tell.
    """
    from psram.errors import UsageError
    from psram.worker.protocol import Ask

    if asked.startswith(_READ):
        return Target(Ask.URL, asked, commit or "HEAD")
    if _SSH.match(asked) or _SCHEME.match(asked):
        raise UsageError(
            f"« {asked} » ne peut pas être lu d'ici (https, http et file le sont) : "
            "copiez le dépôt avec git clone, puis donnez son dossier"
        )
    folder = _folder(asked) if asked else None
    if folder is None:
        if commit or not _is_commit(asked):
            raise UsageError(f"« {asked} » n'est ni un dossier, ni une adresse git, ni un commit du dépôt courant")
        return Target(Ask.COMMIT, str(Path.cwd()), asked)
    return Target(Ask.COMMIT if commit else Ask.WORKTREE, str(folder), commit or "HEAD")


def folder(asked: str, option: str) -> Path:
    """The folder that an option names. Raises ``UsageError``."""
    from psram.errors import UsageError

    found = _folder(asked)
    if found is None:
        raise UsageError(f"{option} {asked} : ce dossier n'existe pas")
    return found


def _folder(asked: str) -> Path | None:
    """The folder of that path; ``None`` when there is nothing of that name."""
    from psram.errors import UsageError

    try:
        path = Path(asked).resolve()
        found = path.stat() if path.exists() else None
    except (OSError, RuntimeError, ValueError) as error:  # no right to look, links in a circle, a NUL
        raise UsageError(f"« {asked} » ne peut pas être lu ({why(error)})") from error
    if found is None:
        return None
    if not path.is_dir():
        above = next((each for each in path.parents if (each / "composer.json").exists()), path.parent)
        raise UsageError(f"« {asked} » est un fichier : donnez le dossier de l'application ({_short(str(above))})")
    if not os.access(path, os.R_OK | os.X_OK):
        raise UsageError(f"« {asked} » ne peut pas être lu : vous n'en avez pas le droit")
    return path


def _is_commit(asked: str) -> bool:
    from psram.errors import PsramError
    from psram.worker import git

    here = Path.cwd()
    try:
        return bool(git.head(here, asked, timeout_s=10).commit)
    except git.AbsentError:
        raise
    except PsramError:
        return False


def day(at: str) -> date:
    """The day of evaluation. Raises ``UsageError``."""
    from psram.errors import UsageError

    if not at:
        return date.today()
    try:
        return date.fromisoformat(at)
    except ValueError as error:
        raise UsageError(f"--at {at} : écrivez une date comme 2026-12-31") from error


def context(track: str, stage: str, at: str, sources: list[str] | None) -> Context:
    """Where the application would be hosted, and when it is judged. Raises ``UsageError``."""
    from psram.model import Context
    from psram.rules import Stage, Track

    known = tuple(sources) if sources else None
    return Context(Track(track), Stage(stage), day(at), package_sources=known)


def limits(target: Target, timeout_s: float | None) -> Limits:
    """Bounds of the reading: an address gets less time, since nothing may be happening behind it."""
    from psram.model import Limits
    from psram.worker.protocol import Ask

    usual = Limits()
    return Limits(timeout_s=timeout_s or (URL_TIMEOUT_S if target.ask is Ask.URL else usual.timeout_s))


def php(pack: Pack) -> Php | None:
    """The hosted PHP, if this machine has one of that name; the worker checks its version."""
    from psram.model import Php

    rule = pack.rule("PHP-001")
    version = str(rule.params["hosted_php"]) if rule is not None else ""
    program = shutil.which(f"php{version}") or shutil.which("php")
    return Php(program, version) if program and version else None


def evidence(file: Path | None, given: Mapping[str, bool]) -> str:
    """The evidence file's content, empty for none; ``given`` says which options were typed.

    Raises:
        UsageError: unreadable, or an option that the evidence decides.
    """
    from psram.errors import UsageError

    if file is None:
        return ""
    decided = [name for name, typed in given.items() if typed]
    if decided:
        raise UsageError(f"--evidence dit déjà ce que disent {', '.join(decided)} : retirez-les")
    return content(file, "--evidence", EVIDENCE_MAX_BYTES).decode("utf-8", "replace")


def previous(file: Path) -> Report:
    """The report to compare with. Raises ``UsageError``."""
    import msgspec

    from psram.errors import UsageError
    from psram.reports import canonical

    try:
        return canonical.parse(content(file, "--baseline", EVIDENCE_MAX_BYTES))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--baseline {file} n'est pas un rapport (amcloud check --format json en écrit un)") from error


def content(file: Path, option: str, max_bytes: int) -> bytes:
    """The content of a file named by an option. Raises ``UsageError``."""
    from psram.errors import UsageError

    try:
        with file.open("rb") as opened:
            read = opened.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {file} ne peut pas être lu ({why(error)})") from error
    if len(read) > max_bytes:
        raise UsageError(f"{option} {file} dépasse {max_bytes // 2**20} Mio")
    return read


def _short(path: str) -> str:
    """Relative to here when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) else path
