"""Facts of contents kept on disk, by content id and by the digest of the code that drew them: a push costs its changes.

One SQLite file, private to its owner, bounded, shared by processes and threads. Losing it loses nothing but time: a
file that is broken, locked for long or not writable is as good as empty, and nothing here ever raises. Only the process
that asked for the facts writes to it, after it checked their shape; never the one that read the content. Each value has
a checksum of its key and of itself: what something else changed is no longer known.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 256 * 1024 * 1024
_NAME: Final = "psram-facts-1.sqlite"
_ASKED_AT_ONCE: Final = 500
_SUM_BYTES: Final = 4
_BUSY_MS: Final = 2000
_DAY_S: Final = 86400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS facts (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS facts_used ON facts (used);
"""


def default_folder() -> Path:
    """Where a user's caches lie: ``$XDG_CACHE_HOME/amcloud``, else ``~/.cache/amcloud``."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path(os.environ.get("HOME") or "/tmp") / ".cache"  # noqa: S108
    return base / "amcloud"


class FactCache:
    """Values by key. Keys that were not used for longest go first when there are more than ``max_bytes``."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._file = folder / _NAME
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._base: sqlite3.Connection | None = None
        self._given_up = False

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that are known."""
        with self._guarded() as base:
            if base is None:
                return {}
            return _looked_up(base, keys, int(time.time()) // _DAY_S)
        return {}

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep these values, and let old ones go when there are too many."""
        if not values:
            return
        today = int(time.time()) // _DAY_S
        with self._guarded() as base:
            if base is None:
                return
            with base:
                rows = ((key, _sealed(key, value), today) for key, value in values.items())
                base.executemany("INSERT OR REPLACE INTO facts (key, value, used) VALUES (?, ?, ?)", rows)
            _shrink(base, self._max_bytes)

    def close(self) -> None:
        """Let go of the file; it is opened again when asked."""
        with self._lock:
            self._closed()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection | None]:
        """The open file, ``None`` without one. A broken file is begun again; any other trouble ends here."""
        with self._lock:
            try:
                yield self._opened()
            except sqlite3.OperationalError:  # locked for too long, full disk, not writable: go on without
                self._closed()
            except (sqlite3.DatabaseError, OSError):
                self._closed()
                self._removed()

    def _opened(self) -> sqlite3.Connection | None:
        if self._base is None and not self._given_up:
            try:
                self._base = _connected(self._file)
            except sqlite3.OperationalError:
                self._given_up = True
            except sqlite3.DatabaseError:  # not a database, or not ours
                self._removed()
                self._base = _connected(self._file)
            except OSError:
                self._given_up = True
        return self._base

    def _closed(self) -> None:
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                self._base.close()
            self._base = None

    def _removed(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._file.with_name(self._file.name + ending).unlink()


def _connected(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))  # private before anything is in it
    base = sqlite3.connect(file, timeout=_BUSY_MS / 1000, check_same_thread=False)
    try:
        base.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before anything is written
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=OFF")  # a cache: what a power cut loses is read again
        columns = {row[1] for row in base.execute("PRAGMA table_info(facts)")}
        if not columns:
            base.executescript(_SCHEMA)
        elif columns != {"key", "value", "used"}:
            raise sqlite3.DatabaseError("other columns")
    except sqlite3.Error:
        base.close()
        raise
    return base


def _looked_up(base: sqlite3.Connection, keys: Sequence[bytes], today: int) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    stale: list[tuple[int, bytes]] = []
    for part in _parts(keys):
        marks = ",".join("?" * len(part))
        for key, value, used in base.execute(f"SELECT key, value, used FROM facts WHERE key IN ({marks})", part):  # noqa: S608  only question marks
            if value[:_SUM_BYTES] != _sum(key, value[_SUM_BYTES:]):
                continue
            found[key] = value[_SUM_BYTES:]
            if used != today:
                stale.append((today, key))
    if stale:  # once a day: a run that only reads writes nothing
        with contextlib.suppress(sqlite3.OperationalError), base:
            base.executemany("UPDATE facts SET used = ? WHERE key = ?", stale)
    return found


def _sealed(key: bytes, value: bytes) -> bytes:
    return _sum(key, value) + value


def _sum(key: bytes, value: bytes) -> bytes:
    return zlib.crc32(value, zlib.crc32(key)).to_bytes(_SUM_BYTES, "big")


def _parts(keys: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (keys[start : start + _ASKED_AT_ONCE] for start in range(0, len(keys), _ASKED_AT_ONCE))


def _shrink(base: sqlite3.Connection, max_bytes: int) -> None:
    """Let the oldest go until a fifth of the room is free again."""
    if _bytes_used(base) <= max_bytes:
        return
    while _bytes_used(base) > max_bytes * 4 // 5 and (count := _count(base)):
        with base:
            old = "DELETE FROM facts WHERE key IN (SELECT key FROM facts ORDER BY used, key LIMIT ?)"
            base.execute(old, (max(count // 10, 1),))
        base.execute("PRAGMA incremental_vacuum").fetchall()
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _count(base: sqlite3.Connection) -> int:
    return int(base.execute("SELECT count(*) FROM facts").fetchone()[0])


def _bytes_used(base: sqlite3.Connection) -> int:
    pages, free, size = (
        base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
