"""Reads a commit or a work tree in this very process: for tests, examples and contents that are one's own.

What others wrote is read by :func:`psram.worker.run`, whose workers die in place of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from psram.collect import composer, contents
from psram.collect.assembly import assembled
from psram.collect.choosing import LOCK, MANIFEST, Choice, choose
from psram.collect.listing import Listing, disk_content, of_commit, of_worktree
from psram.collect.reading import Known, State
from psram.facts import ComposerFacts, Facts, SyntaxFacts
from psram.roles import Role
from psram.vocabulary import Limits, Php
from psram.worker import git
from psram.worker import php as php_worker

Contents = Iterable[tuple[str, bytes | None]]
_NO_ROLE: frozenset[Role] = frozenset()


def collect(repository: Path, commit: str, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """All facts of a commit of a bare or work repository, read by ``ls-tree`` and ``cat-file``.

    Raises:
        UsageError: no such repository or commit.
        CollectError: git cannot read it.
    """
    bounds = limits or Limits()
    return _listed(of_commit(repository, commit, bounds), php, bounds)


def collect_worktree(path: Path, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """Facts of the files as they are on disk: the commit's, with those not committed on top (and named).

    Raises:
        UsageError: no such folder.
        CollectError: git cannot read it.
    """
    bounds = limits or Limits()
    return _listed(of_worktree(path, bounds), php, bounds)


def _listed(listing: Listing, php: Php | None, limits: Limits) -> Facts:
    choice = choose(listing.files, limits)
    return read(listing, choice, _contents(listing, list(choice.wanted), limits), php=php, limits=limits)


def _contents(listing: Listing, ids: list[str], limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    for blob in ids:
        if blob in listing.disk:
            yield blob, disk_content(listing.disk[blob], limits.max_blob_bytes)
    committed = [blob for blob in ids if blob not in listing.disk]
    yield from git.blobs(listing.repository, committed, timeout_s=limits.timeout_s)


def read(listing: Listing, choice: Choice, given: Contents, *, php: Php | None, limits: Limits) -> Facts:
    """Facts of a listing, from the contents chosen."""
    known = Known()
    manifests: dict[str, bytes | None] = {}
    sources: list[tuple[str, bytes]] = []
    for blob, content in given:
        asked = choice.roles.get(blob, _NO_ROLE)
        reading = contents.read(content, asked, link=blob in choice.links)
        known.note(blob, reading)
        if blob in choice.manifests.values():
            manifests[blob] = content
        if content is not None and php is not None and Role.PHP in asked and reading.state is State.READ:
            sources.append((blob, content))
    return assembled(
        listing, choice, known, composer=_composer(choice, manifests), syntax=_syntax(php, sources, limits)
    )


def _composer(choice: Choice, manifests: dict[str, bytes | None]) -> ComposerFacts:
    if not choice.manifests:
        return ComposerFacts()
    return composer.facts(*(manifests.get(choice.manifests.get(name, "")) for name in (MANIFEST, LOCK)))


def _syntax(php: Php | None, sources: list[tuple[str, bytes]], limits: Limits) -> SyntaxFacts | None:
    return None if php is None else php_worker.syntax(php, sources, limits)
