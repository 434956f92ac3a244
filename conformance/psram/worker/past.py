"""Asks git which contents earlier commits held: a list of ids with where each lay first. No content is read here, no
difference is computed: hostile attributes and text conversions have no hold on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from psram.worker import git
from psram.worker.store import FactCache

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


class _Step(msgspec.Struct, frozen=True, array_like=True):
    """A walk as it is kept: what a commit's history has beside that of ``base`` (an id of a commit, or nothing)."""

    base: str
    depth: int
    commits: int
    objects: list[PastObject]


_steps: Final = msgspec.msgpack.Decoder(_Step)
_ANCESTORS: Final = 64
_MAX_DEPTH: Final = 50
_NO_CONTENT: Final = (b"000000", b"160000")
"""Modes of what was removed, and of submodules."""


def walk(
    repository: Path,
    commit: str,
    *,
    max_commits: int,
    timeout_s: float,
    cache: FactCache | None = None,
    sizes: Mapping[str, int] | None = None,
    head: git.Head | None = None,
) -> Walk:
    """The contents that the commit's history holds, its own included, of its last ``max_commits`` commits.

    ``sizes`` are those of contents that are known already, ``head`` what is known of the commit: git is not asked for
    these. With a cache, only what came since an ancestor that was walked before is asked for, when no merge lies
    between.

    Raises:
        CollectError: git cannot, says too much or takes too long.
    """
    known = head or git.head(repository, commit, timeout_s=timeout_s)
    asked = _Asked(repository, known.prefix, max_commits, timeout_s, sizes or {})
    if cache is None or known.shallow:
        objects, commits = asked.objects(commit)
    else:
        objects, commits = _remembered(asked, commit, cache)
    return Walk(objects, commits, known.shallow, known.prefix)


class _Asked(NamedTuple):
    repository: Path
    prefix: bytes
    max_commits: int
    timeout_s: float
    sizes: Mapping[str, int]

    def objects(self, commit: str, *, since: str = "") -> tuple[list[PastObject], int]:
        """The contents of the commit's history (without those of ``since``'s), and the number of its commits."""
        within = ("--", ".") if self.prefix else ()
        listing = git.ask(
            self.repository,
            "rev-list",
            "--objects",
            "--in-commit-order",
            "--reverse",
            f"--max-count={self.max_commits}",
            commit,
            *((f"^{since}",) if since else ()),
            *within,
            doing=_DOING,
            timeout_s=self.timeout_s,
            max_bytes=_MAX_BYTES,
        )
        named, commits = _named(listing)
        return self._sized(named), commits

    def brought(self, commits: Sequence[str]) -> list[PastObject]:
        """The contents that these commits brought, oldest first; each is the only parent of the next."""
        how = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
        stdin = "".join(f"{commit}\n" for commit in commits).encode()
        answer = git.ask(
            self.repository,
            *("diff-tree", "--stdin", *how),
            doing=_DOING,
            timeout_s=self.timeout_s,
            stdin=stdin,
            max_bytes=_MAX_BYTES,
        )
        return self._sized(_differing(answer))

    def _sized(self, named: Mapping[str, tuple[str, bytes]]) -> list[PastObject]:
        sizes = {blob: self.sizes[blob] for blob in named if blob in self.sizes}
        unknown = [name for name in named if name not in sizes]
        if unknown:
            sizes |= self._asked_sizes(unknown)
        return [PastObject(blob, sizes[blob], *place) for blob, place in named.items() if blob in sizes]

    def _asked_sizes(self, names: list[str]) -> dict[str, int]:
        """The sizes of those of these objects that are contents."""
        answer = git.ask(
            self.repository,
            "cat-file",
            "--batch-check=%(objectname) %(objecttype) %(objectsize)",
            "--buffer",
            doing=_DOING,
            timeout_s=self.timeout_s,
            stdin="".join(f"{name}\n" for name in names).encode(),
        )
        objects = (line.split() for line in answer.split(b"\n"))
        return {o[0].decode(): int(o[2]) for o in objects if len(o) == 3 and o[1] == b"blob"}  # noqa: PLR2004

    def key(self, commit: str) -> bytes:
        """Under which the cache knows a walk."""
        return b"past\1" + bytes.fromhex(commit) + self.max_commits.to_bytes(4, "big") + b"\0" + self.prefix

    def ancestors(self, commit: str) -> list[str]:
        """Commits before this one, nearest first, as long as each is the only parent of the next."""
        listing = git.ask(
            self.repository,
            *("rev-list", "--parents", f"--max-count={_ANCESTORS}", commit),
            doing=_DOING,
            timeout_s=self.timeout_s,
        )
        found: list[str] = []
        expected = commit
        for line in listing.decode("ascii", "replace").splitlines():
            name, *parents = line.split()
            if name != expected or len(parents) != 1:
                break
            expected = parents[0]
            found.append(expected)
        return found


def _remembered(asked: _Asked, commit: str, cache: FactCache) -> tuple[list[PastObject], int]:
    known = _recalled(asked, commit, cache)
    if known is not None:
        return known.objects, known.commits
    ancestors = asked.ancestors(commit)
    kept = cache.get([asked.key(ancestor) for ancestor in ancestors])
    base = next((ancestor for ancestor in ancestors if asked.key(ancestor) in kept), "")
    before = _recalled(asked, base, cache) if base else None
    if before is None or before.depth >= _MAX_DEPTH:
        objects, commits = asked.objects(commit)
        step = _Step("", 0, commits, objects)
    else:
        more, count = _since(asked, [commit, *ancestors[: ancestors.index(base)]], base)
        commits = before.commits + count
        if commits >= asked.max_commits:  # the oldest ones no longer count: only a whole walk knows which
            return asked.objects(commit)
        old = {each.blob for each in before.objects}
        more = [each for each in more if each.blob not in old]
        objects = before.objects + more
        step = _Step(base, before.depth + 1, commits, more)
    cache.put({asked.key(commit): msgspec.msgpack.encode(step)})
    return objects, commits


def _since(asked: _Asked, commits: list[str], base: str) -> tuple[list[PastObject], int]:
    """What these commits, newest first, have beside the contents of ``base``, and their number."""
    if asked.prefix:  # those that touch the folder count alone
        return asked.objects(commits[0], since=base)
    return asked.brought(commits[::-1]), len(commits)


def _recalled(asked: _Asked, commit: str, cache: FactCache) -> _Step | None:
    """The whole walk of a commit, put together from its kept steps; ``None`` when one of them is gone."""
    steps: list[_Step] = []
    while commit:
        kept = cache.get([asked.key(commit)]).get(asked.key(commit))
        step = _decoded(kept)
        if step is None or len(steps) > _MAX_DEPTH:
            return None
        steps.append(step)
        commit = step.base
    if not steps:
        return None
    objects = [each for step in reversed(steps) for each in step.objects]
    return _Step("", steps[0].depth, steps[0].commits, objects)


def _decoded(kept: bytes | None) -> _Step | None:
    try:
        return None if kept is None else _steps.decode(kept)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _differing(answer: bytes) -> dict[str, tuple[str, bytes]]:
    """Object id → (first commit that has it, its path there), as :func:`_named`: a path ends with its line."""
    found: dict[str, tuple[str, bytes]] = {}
    commit = ""
    parts = iter(answer.split(b"\0"))
    for part in parts:
        if not part.startswith(b":"):
            commit = part.decode() or commit
            continue
        _old_mode, mode, _old, blob, _how = part.split(b" ")
        path = next(parts).partition(b"\n")[0]
        if mode not in _NO_CONTENT:
            found.setdefault(blob.decode(), (commit, path))
    return found


def _named(listing: bytes) -> tuple[dict[str, tuple[str, bytes]], int]:
    """Object id → (commit under which git printed it first, its path), and how many commits there are."""
    found: dict[str, tuple[str, bytes]] = {}
    commit, commits = "", 0
    for line in listing.split(b"\n"):
        name, separator, path = line.partition(b" ")
        if not separator and name:
            commit, commits = name.decode(), commits + 1
        elif name:  # git cuts a path at its first end of line: nothing may be left of it
            found.setdefault(name.decode(), (commit, path))
    return found, commits
