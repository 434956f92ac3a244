"""GOV-007: nothing derived, binary or out of reach of the analysis is versioned."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from psram.checks import Params
from psram.checks.common import Names, outcome, pattern
from psram.facts import Facts, FileFact, Kind, Skip
from psram.model import Context, Finding, Outcome
from psram.roles import Role, roles
from psram.wording import counted

_WRITTEN: Final = frozenset(Role) - {Role.TEXT, Role.SAMPLE}
_WRITTEN_ENDINGS: Final = (".json", ".md", ".txt", ".csv", ".xml", ".ini")
_RESERVED = re.compile(r"(?:^|/)(?:\.\.|\.git)(?:/|$)", re.IGNORECASE)

_INSTALLED = "node_modules/"


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by derived folders, forbidden files, links that leave the tree, submodules and oversize contents."""
    return outcome([*_folders(facts, params), *_files(facts, params)])


def _folders(facts: Facts, params: Params) -> Iterator[Finding]:
    derived = tuple(params["derived_folders"])
    paths = [f.path for f in facts.files if f.path.startswith(derived)]
    for folder in derived:
        inside = [path for path in paths if path.startswith(folder) and not path.endswith((".gitkeep", ".gitignore"))]
        if inside:
            said = f"le dossier {folder} est versionné ({counted(len(inside), 'fichier')})"
            yield Finding(said, inside[0], excerpt=folder)
    if _INSTALLED in derived:
        yield from _installed_below(facts)


def _installed_below(facts: Facts) -> Iterator[Finding]:
    """What npm installed anywhere below: unlike vendor/, the name means nothing else."""
    inside: dict[str, list[str]] = {}
    for file in facts.files:
        at = file.path.find(f"/{_INSTALLED}") if _INSTALLED in file.path else -1
        if at >= 0 and not file.path.endswith((".gitkeep", ".gitignore")):
            inside.setdefault(file.path[: at + 1 + len(_INSTALLED)], []).append(file.path)
    for folder, paths in inside.items():
        said = f"le dossier {folder} est versionné ({counted(len(paths), 'fichier')})"
        yield Finding(said, paths[0], excerpt=folder)


def _files(facts: Facts, params: Params) -> Iterator[Finding]:
    derived = tuple(params["derived_folders"])
    forbidden, allowed = (pattern(tuple(params[name])) for name in ("forbidden_names", "allowed_binaries"))
    max_bytes = params["max_bytes"]
    for file in facts.files:
        message = _problem(file, forbidden, allowed, max_bytes)
        if message and not file.path.startswith(derived):
            yield Finding(message, file.path)


def _problem(file: FileFact, forbidden: Names, allowed: Names, max_bytes: int) -> str:  # noqa: PLR0911  one line a reason
    name = file.path.rpartition("/")[2].lower()
    if file.kind is Kind.SUBMODULE:
        return "sous-module git : son contenu échappe à l'analyse"
    if ("/." in file.path or file.path.startswith(".")) and _RESERVED.search(file.path):
        return "le chemin contient un nom réservé (« .. » ou « .git »)"
    if file.kind is Kind.LINK:
        return "lien symbolique qui sort du dépôt" if _leaves(file) else ""
    if forbidden.match(name):
        return "fichier dérivé ou binaire, à produire et non à versionner"
    if file.skipped in (Skip.TOO_BIG, Skip.BUDGET) or file.size > max_bytes:
        split = "" if roles(file.path).isdisjoint((Role.PHP, Role.TWIG)) else " : découpez-le"
        return f"fichier de {file.size // 1024} Kio, trop gros pour être analysé{split}"
    if file.skipped is Skip.UNREADABLE:
        return "contenu absent du dépôt"
    if file.skipped is not Skip.BINARY or allowed.match(name):
        return ""
    mend = " (UTF-16 ?) : enregistrez-le en UTF-8, ne le retirez pas" if _is_source(file.path) else ""
    return f"contenu binaire{mend}"


def _is_source(path: str) -> bool:
    """Whether its name says that a person writes it: it is to be corrected, not removed."""
    return not roles(path).isdisjoint(_WRITTEN) or path.lower().endswith(_WRITTEN_ENDINGS)


def _leaves(link: FileFact) -> bool:
    """Whether the link's target is outside the tree (or inside git's own folder)."""
    if link.target.startswith("/") or not link.target:
        return True
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return reached == ".." or reached.startswith(("../", ".git/")) or reached == ".git"
