"""What a file is read as, from its path alone."""

from __future__ import annotations

from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

_UNSCANNED: Final = ("composer.lock", "package-lock.json", "yarn.lock", "symfony.lock")
_UNSCANNED_ENDINGS: Final = (".svg", ".min.js", ".min.css", ".map")
_WEB_ENDINGS: Final = (".twig", ".html", ".htm", ".css", ".scss", ".js", ".mjs", ".ts", ".vue", ".phtml")
PHP_ENDINGS: Final = (".php", ".phtml", ".inc", ".php5", ".php7", ".phps")
_NOT_PROGRAMS: Final = (".twig", ".md", ".yaml", ".yml", ".rst", ".patch", ".diff")
_SAMPLES: Final = ("fixture", "/seeds/", "jeux_de_donnees", "jeux-de-donnees")


class Role(StrEnum):
    """What a file is read as; a content has the roles of all the paths that carry it."""

    PHP = "php"
    YAML = "yaml"
    DOTENV = "dotenv"
    DOCKERFILE = "dockerfile"
    SQL = "sql"
    TWIG = "twig"
    TEXT = "text"
    WEB = "web"
    SAMPLE = "sample"
    NEON = "neon"


@lru_cache(maxsize=100_000)
def roles(path: str) -> frozenset[Role]:
    """What a file of that path is read as."""
    name = path.rpartition("/")[2].lower()
    found: set[Role] = set()
    if name.endswith(PHP_ENDINGS) or path == "bin/console":
        found.add(Role.PHP)
    elif name.endswith((".yaml", ".yml")):
        found.add(Role.YAML)
    elif name == ".env" or name.startswith(".env."):
        found.add(Role.DOTENV)
    elif name in ("dockerfile", "containerfile") or name.startswith("dockerfile."):
        found.add(Role.DOCKERFILE)
    elif name.endswith(".sql"):
        found.add(Role.SQL)
    elif name.endswith((".neon", ".neon.dist")):
        found.add(Role.NEON)
    elif name.endswith(".twig"):
        found.add(Role.TWIG)
    if name.endswith(_WEB_ENDINGS):
        found.add(Role.WEB)
    if path.startswith(("tests/", "test/")) or any(word in path.lower() for word in _SAMPLES):
        found.add(Role.SAMPLE)
    if name not in _UNSCANNED and not name.endswith(_UNSCANNED_ENDINGS):
        found.add(Role.TEXT)
    return _shared(frozenset(found))


@cache
def _shared(found: frozenset[Role]) -> frozenset[Role]:
    """One set for all paths of these roles: a tree has thousands of paths and a dozen of sets."""
    return found


def can_hold_php(path: str) -> bool:
    """Whether a file of that path that begins as PHP is read as PHP, though its name does not say so."""
    return not path.lower().endswith(_NOT_PROGRAMS)
