"""Asks git which contents earlier commits held: a list of ids with where each lay first. No content is read here, no
difference is computed: hostile attributes and text conversions have no hold on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from psram.worker import git

_DOING: Final = "lecture de l'historique"
_MAX_BYTES: Final = 96 * 1024 * 1024


class PastObject(NamedTuple):
    """A content of an earlier commit: the oldest one listed that had it, and its raw path there."""

    blob: str
    size: int
    commit: str
    path: bytes


class Walk(NamedTuple):
    """Contents in the order of their appearance; ``shallow`` says that this copy lacks commits."""

    objects: list[PastObject]
    commits: int
    shallow: bool
    prefix: bytes


def walk(repository: Path, commit: str, *, max_commits: int, timeout_s: float) -> Walk:
    """The contents that the commit's history holds, its own included, of its last ``max_commits`` commits.

    Raises:
        CollectError: git cannot, says too much or takes too long.
    """
    answer = git.ask(
        repository, "rev-parse", "--is-shallow-repository", "--show-prefix", doing=_DOING, timeout_s=timeout_s
    )
    shallow, prefix, *_end = (*answer.split(b"\n"), b"")
    within = ("--", ".") if prefix else ()
    listing = git.ask(
        repository,
        "rev-list",
        "--objects",
        "--in-commit-order",
        "--reverse",
        f"--max-count={max_commits}",
        commit,
        *within,
        doing=_DOING,
        timeout_s=timeout_s,
        max_bytes=_MAX_BYTES,
    )
    named, commits = _named(listing)
    asked = "".join(f"{blob}\n" for blob in named).encode()
    sizes = git.ask(
        repository,
        "cat-file",
        "--batch-check=%(objectname) %(objecttype) %(objectsize)",
        "--buffer",
        doing=_DOING,
        timeout_s=timeout_s,
        stdin=asked,
    )
    return Walk(_blobs(sizes, named), commits, shallow == b"true", prefix)


def _named(listing: bytes) -> tuple[dict[str, tuple[str, bytes]], int]:
    """Object id → (commit under which git printed it first, its path), and how many commits there are."""
    found: dict[str, tuple[str, bytes]] = {}
    commit, commits = "", 0
    for line in listing.split(b"\n"):
        name, separator, path = line.partition(b" ")
        if not separator and name:
            commit, commits = name.decode(), commits + 1
        elif path:
            found.setdefault(name.decode(), (commit, path))
    return found, commits


def _blobs(sizes: bytes, named: dict[str, tuple[str, bytes]]) -> list[PastObject]:
    found = []
    for line in sizes.split(b"\n"):
        parts = line.split()
        if len(parts) == 3 and parts[1] == b"blob":  # noqa: PLR2004  `<id> <type> <size>`
            blob = parts[0].decode()
            found.append(PastObject(blob, int(parts[2]), *named[blob]))
    return found
