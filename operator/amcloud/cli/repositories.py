"""Repositories of a folder, read by the engine: who is there, and each one's facts or why there are none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from amcloud.cli.rehearsal import Known, Unread
    from psram.facts import Facts
    from psram.model import Context, Php
    from psram.worker.store import FactCache

MOST: Final = 10_000
UNGROUPED: Final = "sans groupe"
DECLARATION: Final = "localapp.yaml"
OWNER: Final = "spec.owner.organisation"
OWNER_CHARS: Final = 20
DEPTH: Final = 5
"""Folders below the given one that are looked into: groups and sub-groups of a forge."""


class Reading(NamedTuple):
    """How each repository is read and judged."""

    context: Context
    php: Php | None
    ref: str
    timeout_s: float
    cache: FactCache | None


class Repository(NamedTuple):
    """A repository of the folder; ``organisation`` is the first folder of its path, a forge's group, if it has one.

    Without group it is the owner that its own declaration names, once it was read.
    """

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
        organisation = relative.parts[0] if len(relative.parts) > 1 else UNGROUPED
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


def members(listed: Sequence[Repository], reading: Reading) -> list[Callable[[], Known | Unread]]:
    """One question a repository."""
    return [partial(_member, repository, reading) for repository in listed]


def _member(repository: Repository, reading: Reading) -> Known | Unread:
    from amcloud.cli.rehearsal import Known, Unread
    from psram import worker
    from psram.model import Limits
    from psram.worker.protocol import Ask, Request

    limits = Limits(timeout_s=reading.timeout_s)
    request = Request(Ask.COMMIT, str(repository.path), commit=reading.ref, php=reading.php, limits=limits)
    answer = worker.run(request, cache=reading.cache, processes=1)
    if answer.facts is None or not answer.facts.tree:
        said = answer.usage or answer.problem or "l'analyse n'a rien répondu"
        return Unread(repository.name, repository.organisation, said)
    return Known(repository.name, _organisation(repository, answer.facts), answer.facts, reading.context)


def _organisation(repository: Repository, facts: Facts) -> str:
    if repository.organisation != UNGROUPED:
        return repository.organisation
    blobs = (facts.blobs.get(file.blob) for file in facts.files if file.path == DECLARATION)
    entries = (entry for blob in blobs if blob is not None and blob.data is not None for entry in blob.data.entries)
    owner = next((entry.value.strip() for entry in entries if entry.path == OWNER), "")
    return f"organisme {owner[:OWNER_CHARS]}" if owner else UNGROUPED
