"""Which files of a commit its archives leave out: those that ``export-ignore`` hides, or a folder above them.

The engine reads them like all others. Whoever reviews or builds from an archive of the commit does not see them, and is
told so by the report.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from psram.collect.listing import Listing, shown
from psram.vocabulary import Limits
from psram.worker import git

_ATTRIBUTES: Final = ".gitattributes"
_HIDES: Final = "export-ignore"
_DOING: Final = "lecture de .gitattributes"


def from_archives(listing: Listing, limits: Limits) -> tuple[str, ...]:
    """Their paths, in order; of the commit, whatever lies in the work tree. git itself is asked what hides what.

    Raises:
        CollectError: git cannot read the commit's tree.
    """
    if not listing.tree or not any(f.path.rpartition("/")[2] == _ATTRIBUTES for f in listing.files):
        return ()
    if not _said_somewhere(listing, limits):
        return ()
    with tempfile.TemporaryDirectory(prefix="psram-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        ask = partial(git.ask, listing.repository, doing=_DOING, timeout_s=limits.timeout_s, env=index)
        ask("read-tree", listing.tree)
        paths = ask("ls-files", "-z", "--cached").split(b"\0")[:-1]
        every = b"\0".join([*_with_folders(paths), b""])
        said = ask("check-attr", "--cached", "-z", "--stdin", _HIDES, stdin=every)
    parts = said.split(b"\0")
    hidden = {path for path, value in zip(parts[::3], parts[2::3], strict=False) if value == b"set"}
    return tuple(sorted(shown(path) for path in paths if not hidden.isdisjoint((path, *_folders(path)))))


def _said_somewhere(listing: Listing, limits: Limits) -> bool:
    """Whether any of the commit's files of attributes has the word at all: most have not, and all ends here."""
    where = ("-l", "-a", "-F", "-e", _HIDES, listing.tree, "--", f":(glob)**/{_ATTRIBUTES}")
    found = git.ask(listing.repository, "grep", *where, doing=_DOING, timeout_s=limits.timeout_s, ok=(0, 1))
    return bool(found)


def _with_folders(paths: Sequence[bytes]) -> Iterator[bytes]:
    """Each folder once, with its ``/`` as git's patterns want it, and each path."""
    known: set[bytes] = set()
    for path in paths:
        for folder in _folders(path):
            if folder not in known:
                known.add(folder)
                yield folder
        yield path


def _folders(path: bytes) -> Iterator[bytes]:
    """The folders above a path, each with its final ``/``."""
    at = path.find(b"/")
    while at != -1:
        yield path[: at + 1]
        at = path.find(b"/", at + 1)
