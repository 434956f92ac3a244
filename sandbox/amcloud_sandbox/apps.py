"""The sample applications, one folder each below ``sandbox/apps``, and their revisions.

``apps/<app>`` is revision ``r1``. ``apps/<app>.revisions/<name>`` holds what that revision changes with regard to the
one before it in :func:`revisions`: files to add or to replace, and ``.delete``, one path a line, for files to remove.
A revision that is on top of another one than the one before says so in ``.base``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from amcloud_sandbox.composer import lock, repository
from amcloud_sandbox.errors import SandboxError
from amcloud_sandbox.layout import Layout

HOME = Path(__file__).resolve().parents[1] / "apps"
FIRST = "r1"
_DELETE, _BASE = ".delete", ".base"
# What a developer's own runs leave behind is no part of a revision.
_LEFT_OUT = shutil.ignore_patterns("vendor", "var", ".phpunit.result.cache", "junit.xml", _DELETE, _BASE)


def names() -> tuple[str, ...]:
    """Names of the sample applications."""
    return tuple(sorted(path.name for path in HOME.iterdir() if (path / "composer.json").is_file()))


def revisions(app: str) -> tuple[str, ...]:
    """Names of the application's revisions, in the order of its history; the first is ``r1``.

    Raises:
        SandboxError: no such application.
    """
    if app not in names():
        raise SandboxError(f"application d'exemple inconnue : {app}", f"choix possibles : {', '.join(names())}")
    overlays = HOME / f"{app}.revisions"
    return (FIRST, *(sorted(path.name for path in overlays.iterdir()) if overlays.is_dir() else ()))


def write(app: str, revision: str, target: Path) -> None:
    """The files of that revision are in ``target`` (made if needed; what else is there stays, ``.git`` for one).

    When this machine's Composer repository serves other versions than the committed ``composer.lock`` names (Debian's
    security updates do that), the lock is written again by Composer; on a machine without repository it stays as is.

    Raises:
        SandboxError: no such application or revision.
    """
    for folder in _layers(app, revision):
        shutil.copytree(folder, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
        for path in _lines(folder / _DELETE):
            (target / path).unlink(missing_ok=True)
    served = repository.built(Layout())
    if served is not None and lock.uses_sandbox(target):
        lock.refresh(target, served)


def _layers(app: str, revision: str) -> list[Path]:
    """Folders to lay one over the other, the first revision first."""
    known = revisions(app)
    if revision not in known:
        raise SandboxError(f"révision inconnue de {app} : {revision}", f"choix possibles : {', '.join(known)}")
    if revision == FIRST:
        return [HOME / app]
    folder = HOME / f"{app}.revisions" / revision
    base = (*_lines(folder / _BASE), known[known.index(revision) - 1])[0]
    return [*_layers(app, base), folder]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []
