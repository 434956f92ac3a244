"""What a file is read as, from its path alone."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

_UNSCANNED: Final = ("composer.lock", "package-lock.json", "yarn.lock", "symfony.lock")
_UNSCANNED_ENDINGS: Final = (".svg", ".min.js", ".min.css", ".map")


class Role(StrEnum):
    """What a file is read as; a content has the roles of all the paths that carry it."""

    PHP = "php"
    YAML = "yaml"
    DOTENV = "dotenv"
    DOCKERFILE = "dockerfile"
    SQL = "sql"
    TWIG = "twig"
    TEXT = "text"


@lru_cache(maxsize=100_000)
def roles(path: str) -> frozenset[Role]:
    """What a file of that path is read as."""
    name = path.rpartition("/")[2].lower()
    found: set[Role] = set()
    if name.endswith((".php", ".phtml", ".inc", ".php5", ".php7", ".phps")) or path == "bin/console":
        found.add(Role.PHP)
    elif name.endswith((".yaml", ".yml")):
        found.add(Role.YAML)
    elif name == ".env" or name.startswith(".env."):
        found.add(Role.DOTENV)
    elif name in ("dockerfile", "containerfile") or name.startswith("dockerfile."):
        found.add(Role.DOCKERFILE)
    elif name.endswith(".sql"):
        found.add(Role.SQL)
    elif name.endswith(".twig"):
        found.add(Role.TWIG)
    if name not in _UNSCANNED and not name.endswith(_UNSCANNED_ENDINGS):
        found.add(Role.TEXT)
    return frozenset(found)
