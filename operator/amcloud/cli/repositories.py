"""Repositories of a folder, read by the engine: who is there, and each one's facts or why there are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from psram.facts import Facts
    from psram.model import Php
    from psram.worker.store import FactCache

MOST: Final = 10_000
DEPTH: Final = 5
"""Folders below the given one that are looked into: groups and sub-groups of a forge."""


class Repository(NamedTuple):
    """A repository of the folder; ``organisation`` is the first folder of its path, a forge's group."""

    path: Path
    name: str
    organisation: str


def found(folder: Path) -> Iterator[Repository]:
    """Repositories under ``folder`` in the order of their names, bare or not; links are not followed.

    A folder that is a repository itself is the only one.
    """
    for path in _repositories(folder, DEPTH):
        relative = path.relative_to(folder)
        name = relative.as_posix().removesuffix(".git").rstrip("/") if relative.parts else folder.resolve().name
        organisation = relative.parts[0] if len(relative.parts) > 1 else folder.resolve().name
        yield Repository(path, name, organisation)


def _repositories(folder: Path, depth: int) -> Iterator[Path]:
    if _is_repository(folder):
        yield folder
        return
    if depth == 0:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _repositories(Path(entry.path), depth - 1)


def _is_repository(folder: Path) -> bool:
    try:
        bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
        return bare or (folder / ".git").exists()
    except OSError:
        return False


def facts(repository: Repository, ref: str, php: Php | None, timeout_s: float, cache: FactCache | None) -> Facts | str:
    """Facts of the repository at ``ref``, or a sentence that says why there are none."""
    from psram import worker
    from psram.model import Limits
    from psram.worker.protocol import Ask, Request

    request = Request(
        ask=Ask.COMMIT, path=str(repository.path), commit=ref, php=php, limits=Limits(timeout_s=timeout_s)
    )
    answer = worker.run(request, cache=cache, processes=1)
    if answer.facts is None or not answer.facts.tree:
        return answer.usage or answer.problem or "l'analyse n'a rien répondu"
    return answer.facts
