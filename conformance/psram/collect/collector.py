"""Reads a commit or a work tree into :class:`psram.facts.Facts`: list, choose, extract each content once."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from psram.collect import composer, contents
from psram.errors import UsageError
from psram.facts import BlobFacts, ComposerFacts, Facts, FileFact, Kind, Skip, SyntaxFacts
from psram.model import Limits, Php
from psram.roles import Role
from psram.worker import git
from psram.worker import php as php_worker

_KINDS: Final = {"100644": Kind.FILE, "100664": Kind.FILE, "100755": Kind.EXECUTABLE, "120000": Kind.LINK}
_LINK_MAX_BYTES: Final = 4096
_MANIFEST, _LOCK = "composer.json", "composer.lock"
_Contents = Iterable[tuple[str, bytes | None]]


def collect(repository: Path, commit: str, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """All facts of a commit of a bare or work repository, read by ``ls-tree`` and ``cat-file``.

    Raises:
        UsageError: no such repository or commit.
        CollectError: git cannot read it.
    """
    bounds = limits or Limits()
    if not git.is_repository(repository):
        raise UsageError(f"« {repository} » n'est pas un dépôt git")
    found, tree = git.resolve(repository, commit, timeout_s=bounds.timeout_s)
    inside = git.prefix(repository)
    if inside:  # a sub-folder of a work tree is checked alone
        tree = git.subtree(repository, found, inside, timeout_s=bounds.timeout_s)
        if not tree:
            raise UsageError(f"le commit « {commit} » n'a pas le dossier {shown(inside)}")
    listed, truncated = git.entries(repository, tree, max_files=bounds.max_files, timeout_s=bounds.timeout_s)
    files = [_file(entry) for entry in listed]

    def read(ids: list[str]) -> _Contents:
        return git.blobs(repository, ids, timeout_s=bounds.timeout_s)

    facts = extracted(files, read, php=php, limits=bounds)
    problem = f"plus de {bounds.max_files} fichiers" if truncated else ""
    return msgspec.structs.replace(facts, commit=found, tree=tree, truncated=facts.truncated or problem)


def _file(entry: git.TreeEntry) -> FileFact:
    kind = _KINDS.get(entry.mode, Kind.SUBMODULE)
    return FileFact(path=shown(entry.path), blob=entry.blob, size=entry.size, kind=kind)


def shown(path: bytes) -> str:
    """A path as text: bytes that are not UTF-8 are escaped, everything else is kept as it is."""
    return path.decode("utf-8", "backslashreplace")


def collect_worktree(path: Path, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """Facts of the files as they are on disk: the commit's, with those not committed on top (and named).

    A folder without git is read whole; a sub-folder of a repository is read alone.

    Raises:
        UsageError: no such folder.
        CollectError: git cannot read it.
    """
    bounds = limits or Limits()
    if not path.is_dir():
        raise UsageError(f"« {path} » n'est pas un dossier")
    if git.is_repository(path) and git.is_bare(path):
        return collect(path, "HEAD", php=php, limits=bounds)
    commit = tree = ""
    committed: list[FileFact] = []
    truncated = False
    if git.is_repository(path):
        changes = git.work(path, timeout_s=bounds.timeout_s)
        if git.has_head(path):
            commit, tree, committed, truncated = _head(path, bounds)
    else:
        changes = git.Work(tuple(_walk(path, bounds.max_files)), frozenset())
    on_disk = {f.path: f for f in (_disk_file(path, name, bounds) for name in changes.changed) if f is not None}
    gone = {shown(name) for name in changes.deleted}
    kept = [f for f in committed if f.path not in gone and f.path not in on_disk]
    files = sorted([*kept, *on_disk.values()])
    sources = {f.blob: path / os.fsdecode(n) for n in changes.changed if (f := on_disk.get(shown(n))) is not None}

    def read(ids: list[str]) -> Iterator[tuple[str, bytes | None]]:
        for blob in ids:
            if blob in sources:
                yield blob, _disk_content(sources[blob], bounds)
        yield from git.blobs(path, [blob for blob in ids if blob not in sources], timeout_s=bounds.timeout_s)

    facts = extracted(files, read, php=php, limits=bounds)
    return msgspec.structs.replace(
        facts,
        commit=commit,
        tree=tree,
        uncommitted=tuple(sorted({*on_disk, *gone})),
        truncated=facts.truncated or (f"plus de {bounds.max_files} fichiers" if truncated else ""),
    )


def _head(path: Path, bounds: Limits) -> tuple[str, str, list[FileFact], bool]:
    commit, tree = git.resolve(path, "HEAD", timeout_s=bounds.timeout_s)
    prefix = git.prefix(path)
    if prefix:
        tree = git.subtree(path, commit, prefix, timeout_s=bounds.timeout_s)
    if not tree:
        return commit, "", [], False
    listed, truncated = git.entries(path, tree, max_files=bounds.max_files, timeout_s=bounds.timeout_s)
    return commit, tree, [_file(entry) for entry in listed], truncated


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


def _disk_file(root: Path, name: bytes, bounds: Limits) -> FileFact | None:
    """The entry that git would make of this file; ``None`` when it is neither a file nor a link."""
    file = root / os.fsdecode(name)
    try:
        state = file.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(state.st_mode):
        target = os.fsencode(os.readlink(file))  # noqa: PTH115  the raw target, as git stores it
        return FileFact(shown(name), _blob_id(target), len(target), Kind.LINK)
    if not stat.S_ISREG(state.st_mode):
        return None
    content = _disk_content(file, bounds)
    blob = _blob_id(content) if content is not None else hashlib.sha1(name, usedforsecurity=False).hexdigest()
    kind = Kind.EXECUTABLE if state.st_mode & stat.S_IXUSR else Kind.FILE
    return FileFact(shown(name), blob, state.st_size, kind)


def _disk_content(file: Path, bounds: Limits) -> bytes | None:
    """The content of a file, never through a link; ``None`` when it is too big or cannot be read."""
    try:
        if file.is_symlink():
            return os.fsencode(os.readlink(file))  # noqa: PTH115
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            content = opened.read(max(bounds.max_blob_bytes, contents.MANIFEST_MAX_BYTES) + 1)
    except OSError:
        return None
    return content if len(content) <= max(bounds.max_blob_bytes, contents.MANIFEST_MAX_BYTES) else None


def _blob_id(content: bytes) -> str:
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def extracted(files: list[FileFact], read: contents.Reader, *, php: Php | None, limits: Limits) -> Facts:
    """Facts of listed files whose contents ``read`` gives; commit and tree are left to the caller."""
    chosen = contents.choose(files, limits)
    blobs: dict[str, BlobFacts] = {}
    binary: set[str] = set()
    unreadable: set[str] = set()
    targets: dict[str, str] = {}
    manifests: dict[str, bytes] = {}
    sources: list[tuple[str, bytes]] = []
    manifest_ids = {f.blob: f.path for f in files if f.path in (_MANIFEST, _LOCK) and f.kind is not Kind.LINK}
    for blob, content in read(list(chosen.wanted)):
        if content is None:
            unreadable.add(blob)
            continue
        if blob in chosen.links:
            targets[blob] = content[:_LINK_MAX_BYTES].decode("utf-8", "backslashreplace")
        if blob in manifest_ids:
            manifests[manifest_ids[blob]] = content
        if blob not in chosen.roles:
            continue
        if contents.is_binary(content):
            binary.add(blob)
            continue
        blobs[blob] = contents.extract(content, chosen.roles[blob])
        if php is not None and Role.PHP in chosen.roles[blob]:
            sources.append((blob, content))
    syntax = _syntax(php, sources, limits)
    noted = tuple(_noted(f, chosen.skipped, binary, unreadable, targets) for f in files)
    found = ComposerFacts()
    if manifest_ids:
        found = composer.facts(manifests.get(_MANIFEST), manifests.get(_LOCK))
    return Facts(
        commit="",
        tree="",
        files=tuple(sorted(noted)),
        blobs={blob: blobs[blob] for blob in sorted(blobs) if blobs[blob] != BlobFacts()},
        composer=found,
        syntax=syntax,
        truncated=chosen.problem,
    )


def _syntax(php: Php | None, sources: list[tuple[str, bytes]], limits: Limits) -> SyntaxFacts | None:
    return None if php is None else php_worker.syntax(php, sources, limits)


def _noted(
    file: FileFact, skipped: dict[str, Skip], binary: set[str], unreadable: set[str], targets: dict[str, str]
) -> FileFact:
    if file.kind is Kind.LINK:
        return msgspec.structs.replace(file, target=targets.get(file.blob, ""))
    reason = skipped.get(file.path)
    if reason is None and file.blob in binary:
        reason = Skip.BINARY
    if reason is None and file.blob in unreadable:
        reason = Skip.UNREADABLE
    return msgspec.structs.replace(file, skipped=reason) if reason else file
