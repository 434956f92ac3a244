"""A draft of the norms, wherever it comes from: a name, a folder, or a tar archive on standard input."""

from __future__ import annotations

import io
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psram.rules import Pack

STANDARD_INPUT: Final = "-"
MOST_BYTES: Final = 16 * 1024 * 1024
MOST_FILES: Final = 2000


def load(asked: str) -> Pack:
    """The pack. Raises ``PsramError``."""
    from psram import packs

    if asked != STANDARD_INPUT:
        return packs.load(asked)
    with _unpacked(sys.stdin.buffer.read(MOST_BYTES + 1)) as folder:
        return packs.load(f"{folder}/")


@contextmanager
def _unpacked(content: bytes) -> Iterator[Path]:
    """The folder of the archive that holds ``pack.yaml``. Raises ``UsageError``."""
    from psram.errors import UsageError

    if len(content) > MOST_BYTES:
        raise UsageError(f"l'archive du pack dépasse {MOST_BYTES // 2**20} Mio")
    with tempfile.TemporaryDirectory(prefix="amcloud-pack-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                members = [member for member in _bounded(archive) if member.isfile() or member.isdir()]
                archive.extractall(folder, members, filter="data")
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise UsageError(f"l'entrée standard n'est pas l'archive tar d'un pack ({type(error).__name__})") from error
        found = sorted(Path(folder).rglob("pack.yaml"))
        if len(found) != 1:
            raise UsageError(f"l'archive doit contenir un pack.yaml, elle en a {len(found)}")
        yield found[0].parent


def _bounded(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    size = 0
    for number, member in enumerate(archive):
        size += member.size
        if number >= MOST_FILES or size > MOST_BYTES:
            raise tarfile.TarError("too big")
        yield member
