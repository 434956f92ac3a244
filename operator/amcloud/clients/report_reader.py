"""Reading stored reports with the read-only role. What stores them is :mod:`amcloud.clients.reports`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import class_row

from amcloud.errors import UnavailableError
from amcloud.stages.declared.app import StageName
from amcloud.stages.to_forge.badge import Badge, State
from amcloud.stored import ShownBadge
from amcloud.stored import StoredLine as Line
from amcloud.stored import StoredReport as Stored

CONNECT_S = 5
STATEMENT_MS = 5000
CONNECTIONS = 8
_LINE = "digest, namespace, app, stage, commit_sha AS commit, pack, verdict, recorded_at, correlation"
_STORED = f"SELECT {_LINE}, report, evidence FROM reports JOIN report_contents USING (digest)"  # noqa: S608 - fixed


class ReportReader:
    """Stored reports of one database. A connection a request: few readers, and nothing to heal after an outage."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def by_commit(self, namespace: str, app: str, stage: str, commit: str) -> Stored | None:
        """The newest report of a commit at a stage, or ``None``."""
        found = await self._stored(
            "WHERE namespace = %s AND app = %s AND stage = %s AND commit_sha = %s ORDER BY id DESC LIMIT 1",
            (namespace, app, stage, commit),
        )
        return found[0] if found else None

    async def by_digest(self, digest: str) -> Stored | None:
        """The report of that content (hexadecimal SHA-256), or ``None``."""
        found = await self._stored("WHERE digest = %s ORDER BY id DESC LIMIT 1", (digest,))
        return found[0] if found else None

    async def newest(self, namespace: str | None, app: str | None, *, most: int) -> list[Line]:
        """The newest reports, of everything, of a namespace or of one application."""
        async with self._connection() as connection, connection.cursor(row_factory=class_row(Line)) as cursor:
            await cursor.execute(
                f"SELECT {_LINE} FROM reports"  # noqa: S608 - a fixed list of columns
                " WHERE (%(ns)s::text IS NULL OR namespace = %(ns)s) AND (%(app)s::text IS NULL OR app = %(app)s)"
                " ORDER BY id DESC LIMIT %(most)s",
                {"ns": namespace, "app": app, "most": most},
            )
            return await cursor.fetchall()

    async def badges(self, namespace: str, app: str) -> list[ShownBadge]:
        """What the badge of each stage of an application says; empty for one that is not known."""
        async with self._connection() as connection:
            found = await connection.execute(
                "SELECT stage, state, sentence, day, since FROM badges WHERE namespace = %s AND app = %s",
                (namespace, app),
            )
            rows = await found.fetchall()
        known = [row for row in rows if row[0] in frozenset(StageName) and row[1] in frozenset(State)]
        return [ShownBadge(Badge(StageName(row[0]), State(row[1]), row[2], row[3]), row[4]) for row in known]

    async def alive(self) -> bool:
        """Whether the database answers."""
        try:
            async with self._connection() as connection:
                await connection.execute("SELECT 1")
        except UnavailableError:
            return False
        return True

    async def _stored(self, where: str, values: tuple[Any, ...]) -> list[Stored]:
        async with self._connection() as connection, connection.cursor(row_factory=class_row(Stored)) as cursor:
            await cursor.execute(f"{_STORED} {where}", values)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        try:
            async with (
                self._free,
                await psycopg.AsyncConnection.connect(
                    self._url,
                    connect_timeout=CONNECT_S,
                    options=f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_MS}",
                ) as connection,
            ):
                yield connection
        except psycopg.errors.UndefinedTable as error:
            raise UnavailableError("lecture des rapports : aucun rapport n'a encore été enregistré") from error
        except psycopg.Error as error:
            raise UnavailableError(f"lecture des rapports : la base ne répond pas ({type(error).__name__})") from error
