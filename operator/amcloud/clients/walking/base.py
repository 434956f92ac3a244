"""The database under walk, seen by its owner: canaries of both organisations, what requests touched, what they changed.

It is a database made for the walk and removed after it: rows are committed, since another program reads them.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

import psycopg
from psycopg import sql

from amcloud.clients.canaries import SETTING, Canaries, Relation, UnprovenError, reason
from amcloud.clients.walking.routes import Names
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES, READER, TENANT_COLUMN

BOTH: Final = (READER, OWNER_OF_CANARIES)
SETTLE_S: Final = 0.5
# of other roles' sessions, little more than the role is shown; the server's own processes have none
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND usesysid IS NOT NULL"
)
_TOUCHED: Final = """
SELECT relid::bigint, seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
"""
_KEYS: Final = (
    "SELECT conrelid::bigint, (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]), "
    "confrelid::bigint, (SELECT attname FROM pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1]) "
    "FROM pg_constraint WHERE contype = 'f' AND cardinality(conkey) = 1"
)


class Base:
    """One database, over a connection that commits at once; ``nonce`` makes this walk's canaries its own."""

    def __init__(self, connection: psycopg.Connection, *, nonce: str) -> None:
        self._connection = connection
        self._nonce = nonce
        self._canaries = Canaries(connection, texts=self.marker)
        self._settles = True
        self.tables: dict[int, Relation] = {one.oid: one for one in self._canaries.relations() if one.is_table}

    def marker(self, organisation: str) -> str:
        """What texts say in that organisation's rows, and nothing else in the world; ``""`` for rows that all share."""
        return f"{self.term(organisation)}-{self._nonce}" if organisation else "canari"

    @staticmethod
    def term(organisation: str) -> str:
        """What finds them in a search; a page that repeats the question does not show :meth:`marker`."""
        return f"canari-{organisation}"

    def plant(self) -> dict[str, str]:
        """Each table of organisations holds one canary of each, and nothing else; why not, by table."""
        self.clear()
        refused, choices = {}, self._canaries.choices
        for organisation in BOTH:
            for one in self.tables.values():
                try:
                    self._canaries.plant(one, organisation)
                except (UnprovenError, psycopg.Error) as error:
                    refused[one.shown] = reason(error)
        # an attempt that a constraint refused has used a key up: canaries have the same keys each time
        return refused if self._canaries.choices == choices else self.plant()

    def clear(self) -> None:
        """No row of an organisation is left."""
        if self.tables:
            names = sql.SQL(", ").join(one.identifier for one in self.tables.values())
            self._connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
        self._canaries.forget()

    def records(self, organisation: str) -> tuple[tuple[str, Names], ...]:
        """The canaries of an organisation: table and values by column."""
        found = ((one.name, self._canaries.row(one, organisation)) for one in self.tables.values())
        return tuple((name, row.named) for name, row in found if row is not None)

    def touched(self) -> dict[int, int]:
        """How often each table of organisations was read or written so far, by sessions that have ended."""
        self._settle()
        return {oid: count for oid, count in self._rows(_TOUCHED) if oid in self.tables}

    def since(self, before: dict[int, int]) -> tuple[str, ...]:
        """Names of the tables that were touched since then."""
        now = self.touched()
        return tuple(sorted(self.tables[oid].shown for oid, count in now.items() if count > before.get(oid, 0)))

    def state(self, organisation: str) -> str:
        """A digest of all rows of an organisation."""
        digest = hashlib.sha256()
        for one in self.tables.values():
            query = "SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') FROM {} t WHERE t.{} = %s"
            made = sql.SQL(query).format(one.identifier, sql.Identifier(TENANT_COLUMN))
            digest.update(repr(self._seen_by(organisation, made, organisation)).encode())
        return digest.hexdigest()

    def links(self) -> tuple[str, ...]:
        """Tables where a row of the reader refers to one of the other organisation: PostgreSQL's keys allow it."""
        found = []
        for table, column, parent, key in self._rows(_KEYS):
            if table not in self.tables or parent not in self.tables:
                continue
            owned = self._column(OWNER_OF_CANARIES, self.tables[parent], key)
            if owned & self._column(READER, self.tables[table], column):
                found.append(self.tables[table].shown)
        return tuple(sorted(set(found)))

    def _column(self, organisation: str, table: Relation, column: str) -> set[str]:
        names = (sql.Identifier(column), table.identifier, sql.Identifier(TENANT_COLUMN))
        made = sql.SQL("SELECT {}::text FROM {} WHERE {} = %s").format(*names)
        return {value for (value,) in self._seen_by(organisation, made, organisation) if value is not None}

    def _seen_by(self, organisation: str, statement: sql.Composed, *values: object) -> list[Any]:
        with self._connection.transaction():
            self._connection.execute("SELECT set_config(%s, %s, true)", (SETTING, organisation))
            return self._connection.execute(statement, values).fetchall()

    def _settle(self) -> None:
        """Sessions count what they did when they end, ours when it is told to."""
        until = time.monotonic() + SETTLE_S
        while self._settles and self._connection.execute(_OTHERS).fetchone() != (0,):
            if time.monotonic() > until:
                self._settles = False  # sessions are kept open: their counts come when they come
            time.sleep(0.002)
        if self._connection.info.server_version >= 150000:  # noqa: PLR2004 - PostgreSQL 15
            self._connection.execute("SELECT pg_stat_force_next_flush()")
        else:
            time.sleep(SETTLE_S)

    def _rows(self, statement: str) -> list[Any]:
        return self._connection.execute(statement.encode()).fetchall()
