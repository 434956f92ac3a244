"""Probes isolation in a real database, as the application's own role; leaves nothing behind: all of it is rolled back.

In one transaction, the owner's role writes a canary row of one synthetic organisation into each table that has a
tenant column, then the application's role, set to the other one, tries to read, change, remove and forge it. Row-level
security is judged by what it does, not by what its policies say; the application's code takes no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from amcloud.clients.canaries import SETTING, Canaries, Relation, UnprovenError, reason
from amcloud.stages.seen.isolation import OWNER_OF_CANARIES, READER, TENANT_COLUMN, Breach, Isolation, TableProbe

STATEMENT_S: Final = 10
LOCK_S: Final = 2


def probe(connection: psycopg.Connection, *, owner: str, app: str) -> Isolation:
    """What ``app`` can do from one organisation to another's rows, in the database of ``connection``.

    ``connection`` is of a role that is a member of both; it is used in one transaction, rolled back at the end.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_S * 1000}")
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_S * 1000}")
            return _Probe(connection, owner, app).all()
    finally:
        connection.execute("RESET ROLE")


class _Probe:
    """One probe of one database."""

    def __init__(self, connection: psycopg.Connection, owner: str, app: str) -> None:
        self._connection = connection
        self._owner, self._app = owner, app
        self._canaries = Canaries(connection)

    def all(self) -> Isolation:
        self._become(self._owner, OWNER_OF_CANARIES)
        found = self._canaries.relations()
        unproven: dict[int, str] = {}
        for relation in found:
            try:
                self._canaries.plant(relation, OWNER_OF_CANARIES)
            except (UnprovenError, psycopg.Error) as error:
                if relation.is_table:
                    unproven[relation.oid] = reason(error)
        seen = [TableProbe(one.shown, tuple(self._breaches(one)), unproven.get(one.oid, "")) for one in found]
        return Isolation(tuple(sorted(seen)))

    def _breaches(self, relation: Relation) -> Iterator[Breach]:
        tenant, table = sql.Identifier(TENANT_COLUMN), relation.identifier
        other = sql.SQL("SELECT 1 FROM {} WHERE {} IS DISTINCT FROM %s LIMIT 1").format(table, tenant)
        self._become(self._app, READER)
        if self._touches(other, READER):
            yield Breach.READ
        for breach, text in ((Breach.UPDATE, "UPDATE {} SET {} = {} WHERE {} = %s"), (Breach.DELETE, "DELETE FROM {}")):
            if relation.is_table and self._touches(self._change(text, table, tenant), OWNER_OF_CANARIES):
                yield breach
        if self._canaries.row(relation, OWNER_OF_CANARIES) and self._forges(relation):
            yield Breach.INSERT
        self._become(self._app, "")
        if self._touches(other, READER):
            yield Breach.READ_WITHOUT_ORGANISATION

    @staticmethod
    def _change(text: LiteralString, table: sql.Identifier, tenant: sql.Identifier) -> sql.Composed:
        if text.startswith("DELETE"):
            return sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, tenant)
        return sql.SQL(text).format(table, tenant, tenant, tenant)

    def _touches(self, statement: sql.Composed, code: str) -> bool:
        """Whether the statement reaches a row; one that the role may not use reaches none. Nothing of it stays."""
        try:
            with self._connection.transaction(force_rollback=True):
                return self._connection.execute(statement, (code,)).rowcount > 0
        except psycopg.errors.IntegrityError:
            return True  # the row was reached: something else than isolation protected it
        except psycopg.Error:
            return False

    def _forges(self, relation: Relation) -> bool:
        """Whether one organisation may write a row in another's name; refused for any reason is not proven."""
        self._become(self._app, READER)
        try:
            with self._connection.transaction(force_rollback=True):
                # no RETURNING: it would ask for the right to read the row as well
                self._connection.execute(*self._canaries.insertion(relation, OWNER_OF_CANARIES))
        except (UnprovenError, psycopg.Error):
            return False
        return True

    def _become(self, role: str, organisation: str) -> None:
        self._connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        self._connection.execute("SELECT set_config(%s, %s, true)", (SETTING, organisation))
