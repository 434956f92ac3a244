"""The stand-in's state: one SQLite file, one lock. No rule of GitLab's lives here."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from amcloud_sandbox.forge.schema import SCHEMA

Row = dict[str, Any]


def now() -> str:
    """The present in GitLab's form, for example ``2026-01-31T09:30:00.123Z``."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """``moment`` in GitLab's form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """The moment that ``text`` (GitLab's or any ISO 8601 form) names, in UTC.

    Raises:
        ValueError: not a time.
    """
    moment = datetime.fromisoformat(text.replace(" ", "+") if " " in text[19:] else text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def ago(seconds: float) -> str:
    """The moment ``seconds`` before now, in GitLab's form."""
    return stamp(datetime.now(UTC) - timedelta(seconds=seconds))


class Store:
    """Rows by plain SQL. Every method is safe from any thread; :meth:`together` makes several of them one step."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(f"begin;{SCHEMA};commit;")
        self._depth = 0

    def close(self) -> None:
        """The file is closed."""
        with self._lock:
            self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All changes made inside are kept, or none when an error leaves the block."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("commit")

    def all(self, sql: str, *values: object) -> list[Row]:
        """Every row of the query."""
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, values)]

    def one(self, sql: str, *values: object) -> Row | None:
        """First row of the query, None when there is none."""
        with self._lock:
            row = self._db.execute(sql, values).fetchone()
            return dict(row) if row is not None else None

    def value(self, sql: str, *values: object) -> Any:
        """First column of the first row, None when there is none."""
        row = self.one(sql, *values)
        return next(iter(row.values())) if row else None

    def run(self, sql: str, *values: object) -> int:
        """Number of rows that the statement changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def insert(self, table: str, **values: object) -> Row:
        """The new row, with its id."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._lock:
            cursor = self._db.execute(f"insert into {table} ({columns}) values ({marks})", tuple(values.values()))
            row = self.one(f"select * from {table} where rowid = ?", cursor.lastrowid)
        assert row is not None
        return row

    def update(self, table: str, row_id: int, **values: object) -> Row:
        """The row ``row_id`` after the change."""
        with self._lock:
            if values:
                assignments = ", ".join(f"{column} = ?" for column in values)
                self._db.execute(f"update {table} set {assignments} where id = ?", (*values.values(), row_id))
            row = self.one(f"select * from {table} where id = ?", row_id)
        assert row is not None
        return row

    def next_iid(self, table: str, project_id: int) -> int:
        """Next number of ``table`` within the project; call it inside :meth:`together`."""
        last = self.value(f"select max(iid) from {table} where project_id = ?", project_id)
        return (last or 0) + 1
