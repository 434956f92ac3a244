"""Collects from contents held in memory: the rules' examples, without a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from psram.collect.choosing import choose
from psram.collect.collector import read
from psram.collect.listing import Listing
from psram.facts import Facts, FileFact, Kind
from psram.vocabulary import Limits, Php


def collect_files(
    files: Mapping[str, bytes],
    *,
    links: Mapping[str, str] | None = None,
    submodules: Iterable[str] = (),
    oversize: Iterable[str] = (),
    commit: str = "",
    php: Php | None = None,
    limits: Limits | None = None,
) -> Facts:
    """Facts of these files, as if they were a commit's; ``oversize`` names files that are too big to be read."""
    bounds = limits or Limits()
    stored: dict[str, bytes] = {}
    entries: list[FileFact] = []
    for path, content in files.items():
        entries.append(_entry(path, content, Kind.FILE, stored))
    for path, target in (links or {}).items():
        entries.append(_entry(path, target.encode(), Kind.LINK, stored))
    entries += [FileFact(path, "0" * 40, 0, Kind.SUBMODULE) for path in submodules]
    entries += [FileFact(path, "f" * 40, bounds.max_blob_bytes + 1) for path in oversize]
    listing = Listing(Path(), commit, files=sorted(entries))
    choice = choose(listing.files, bounds)
    given = [(blob, stored.get(blob)) for blob in choice.wanted]
    return read(listing, choice, given, php=php, limits=bounds)


def _entry(path: str, content: bytes, kind: Kind, stored: dict[str, bytes]) -> FileFact:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    stored[blob] = content
    return FileFact(path, blob, len(content), kind)
