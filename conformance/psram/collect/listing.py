"""What there is to read: the entries of a commit or of a work tree, with the ids of their contents.

Contents themselves are not parsed here: the bytes of files not committed are hashed as git would, nothing more.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from psram.collect.choosing import MANIFEST_MAX_BYTES
from psram.errors import UsageError
from psram.facts import FileFact, Kind
from psram.vocabulary import Limits
from psram.worker import git, sizes
from psram.worker.store import FactCache

_KINDS: Final = {"100644": Kind.FILE, "100664": Kind.FILE, "100755": Kind.EXECUTABLE, "120000": Kind.LINK}


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries in order of path. ``disk``: contents (by id) that lie in the work tree only, and where."""

    repository: Path
    commit: str = ""
    tree: str = ""
    files: list[FileFact] = field(default_factory=list)
    uncommitted: tuple[str, ...] = ()
    truncated: str = ""
    disk: dict[str, Path] = field(default_factory=dict)
    head: git.Head | None = None


def of_commit(repository: Path, commit: str, limits: Limits, cache: FactCache | None = None) -> Listing:
    """The entries of a commit of a bare or work repository; of a sub-folder alone when ``repository`` is one.

    Raises:
        UsageError: no such repository or commit.
        CollectError: git cannot read it.
    """
    head = git.head(repository, commit, timeout_s=limits.timeout_s)
    return _of_head(repository, head, commit, limits, cache)


def _of_head(repository: Path, head: git.Head, commit: str, limits: Limits, cache: FactCache | None) -> Listing:
    tree = head.tree
    if head.prefix:  # a sub-folder of a work tree is checked alone
        tree = git.subtree(repository, head.commit, head.prefix, timeout_s=limits.timeout_s)
        if not tree:
            raise UsageError(f"le commit « {commit} » n'a pas le dossier {shown(head.prefix)}")
    files, problem = _entries(repository, tree, limits, cache)
    return Listing(repository, head.commit, tree, files, truncated=problem, head=head)


def of_worktree(path: Path, limits: Limits, cache: FactCache | None = None) -> Listing:
    """The entries as they are on disk: the commit's, with those not committed on top (and named).

    A folder without git is read whole; a sub-folder of a repository is read alone.

    Raises:
        UsageError: no such folder.
        CollectError: git cannot read it.
    """
    if not path.is_dir():
        raise UsageError(f"« {path} » n'est pas un dossier")
    commit = tree = problem = ""
    head = None
    committed: list[FileFact] = []
    try:
        head = git.head(path, "HEAD", timeout_s=limits.timeout_s)
    except UsageError:  # no repository, or one without commit
        if git.is_repository(path) and git.is_bare(path):
            raise
        changes = _without_commit(path, limits)
    else:
        if not head.worktree:
            return _of_head(path, head, "HEAD", limits, cache)
        commit = head.commit
        with git.work(path, head.prefix, timeout_s=limits.timeout_s) as differs:  # meanwhile the commit is listed
            tree, committed, problem = _at_head(path, head, limits, cache)
            changes = differs()
    on_disk = {f.path: f for f in (_disk_file(path, name, limits) for name in changes.changed) if f is not None}
    gone = {shown(name) for name in changes.deleted}
    kept = [f for f in committed if f.path not in gone and f.path not in on_disk]
    sources = {f.blob: path / os.fsdecode(n) for n in changes.changed if (f := on_disk.get(shown(n))) is not None}
    files = sorted([*kept, *on_disk.values()])
    return Listing(path, commit, tree, files, tuple(sorted({*on_disk, *gone})), problem, sources, head)


def shown(path: bytes) -> str:
    """A path as text: bytes that are not UTF-8 are escaped, everything else is kept as it is."""
    return path.decode("utf-8", "backslashreplace")


def _entries(repository: Path, tree: str, limits: Limits, cache: FactCache | None) -> tuple[list[FileFact], str]:
    listed, truncated = git.entries(repository, tree, max_files=limits.max_files, timeout_s=limits.timeout_s)
    contents = dict.fromkeys(entry.blob for entry in listed if entry.kind == "blob")
    size = sizes.of(repository, list(contents), timeout_s=limits.timeout_s, cache=cache).get
    files = [
        FileFact(path, blob, size(blob, 0), _KINDS.get(mode, Kind.SUBMODULE)) for mode, _kind, blob, path in listed
    ]
    return files, f"plus de {limits.max_files} fichiers" if truncated else ""


def _at_head(path: Path, head: git.Head, limits: Limits, cache: FactCache | None) -> tuple[str, list[FileFact], str]:
    tree = head.tree
    if head.prefix:
        tree = git.subtree(path, head.commit, head.prefix, timeout_s=limits.timeout_s)
    return tree, *(_entries(path, tree, limits, cache) if tree else ([], ""))


def _without_commit(path: Path, limits: Limits) -> git.Work:
    if git.is_repository(path):
        with git.work(path, git.prefix(path), timeout_s=limits.timeout_s) as differs:
            return differs()
    return git.Work(tuple(_walk(path, limits.max_files)), frozenset())


def _walk(folder: Path, max_files: int) -> Iterator[bytes]:
    """Every file under a folder without git, links not followed."""
    seen = 0
    for current, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(f for f in folders if f != ".git")
        links = [f for f in folders if (Path(current) / f).is_symlink()]
        for name in sorted([*files, *links]):
            seen += 1
            if seen > max_files:
                return
            yield os.fsencode(os.path.relpath(Path(current) / name, folder))


def _disk_file(root: Path, name: bytes, limits: Limits) -> FileFact | None:
    """The entry that git would make of this file; ``None`` when it is neither a file nor a link."""
    file = root / os.fsdecode(name)
    try:
        state = file.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(state.st_mode):
        target = os.fsencode(os.readlink(file))  # noqa: PTH115  the raw target, as git stores it
        return FileFact(shown(name), blob_id(target), len(target), Kind.LINK)
    if not stat.S_ISREG(state.st_mode):
        return None
    content = disk_content(file, limits.max_blob_bytes)
    blob = blob_id(content) if content is not None else hashlib.sha1(name, usedforsecurity=False).hexdigest()
    kind = Kind.EXECUTABLE if state.st_mode & stat.S_IXUSR else Kind.FILE
    return FileFact(shown(name), blob, state.st_size, kind)


def disk_content(file: Path, max_blob_bytes: int) -> bytes | None:
    """The content of a file, never through a link; ``None`` when it is too big or cannot be read."""
    most = max(max_blob_bytes, MANIFEST_MAX_BYTES)
    try:
        if file.is_symlink():
            return os.fsencode(os.readlink(file))  # noqa: PTH115
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            content = opened.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None


def blob_id(content: bytes) -> str:
    """The id that git gives this content."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
