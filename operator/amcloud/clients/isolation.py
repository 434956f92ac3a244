"""Probes isolation in a real database, as the application's own role; leaves nothing behind: all of it is rolled back.

In one transaction, the owner's role writes a canary row of one synthetic organisation into each table that has a
tenant column, then the application's role, set to the other one, tries to read, change, remove and forge it. Row-level
security is judged by what it does, not by what its policies say; the application's code takes no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from amcloud.stages.isolation import OWNER_OF_CANARIES, READER, TENANT_COLUMN, Breach, Isolation, TableProbe

STATEMENT_S: Final = 10
LOCK_S: Final = 2
MOST_TABLES: Final = 500
_VARLENA_HEADER: Final = 4  # PostgreSQL counts it in a text type's modifier
_SETTING: Final = "amcloud.organisation"

_RELATIONS: Final = """
SELECT c.oid, n.nspname, c.relname, c.relkind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %s AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname LIMIT %s
"""
_COLUMNS: Final = """
SELECT a.attnum, a.attname, format_type(a.atttypid, NULL), t.typtype, t.typcategory, a.atttypmod,
       (SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''
ORDER BY a.attnum
"""
_REFERENCES: Final = "SELECT confrelid, conkey, confkey FROM pg_constraint WHERE conrelid = %s AND contype = 'f'"

_VALUES: Final[dict[str, Any]] = {
    "bytea": b"",
    "json": "{}",
    "jsonb": "{}",
    "uuid": "00000000-0000-4000-8000-000000000998",
    "interval": "0",
    "inet": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "xml": "<canari/>",
    "tsvector": "",
    "bit": "0",
}
_BY_CATEGORY: Final[dict[str, Any]] = {"N": 998, "B": False, "D": "2000-01-01", "S": "canari", "A": "{}", "T": "0"}


@dataclass(frozen=True, slots=True)
class _Relation:
    oid: int
    schema: str
    name: str
    kind: str

    @property
    def shown(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that a new row must fill."""

    number: int
    name: str
    type_name: str
    type_type: str
    category: str
    modifier: int
    label: str | None

    def value(self) -> Any:
        """A value that its type takes; its other constraints may still refuse it."""
        if self.type_type == "e":
            return self.label
        if self.type_name in _VALUES:
            return _VALUES[self.type_name]
        if self.category not in _BY_CATEGORY:
            raise _UnprovenError(f"colonne {self.name} de type {self.type_name}")
        value = _BY_CATEGORY[self.category]
        bounded = self.category == "S" and self.modifier > _VARLENA_HEADER
        return value[: self.modifier - _VARLENA_HEADER] if bounded else value


class _UnprovenError(Exception):
    """No canary row could be made."""


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
        self._canaries: dict[int, dict[int, Any]] = {}  # by table: the canary's values, by column number

    def all(self) -> Isolation:
        found = [_Relation(*row) for row in self._rows(_RELATIONS, TENANT_COLUMN, MOST_TABLES)]
        unproven: dict[int, str] = {}
        self._become(self._owner, OWNER_OF_CANARIES)
        for relation in found:
            try:
                with self._connection.transaction():
                    self._canary(relation.oid, relation.identifier, ())
            except (_UnprovenError, psycopg.Error) as error:
                if relation.kind in "rp":
                    unproven[relation.oid] = _reason(error)
        seen = [TableProbe(one.shown, tuple(self._breaches(one)), unproven.get(one.oid, "")) for one in found]
        return Isolation(tuple(sorted(seen)))

    def _breaches(self, relation: _Relation) -> Iterator[Breach]:
        tenant, table = sql.Identifier(TENANT_COLUMN), relation.identifier
        other = sql.SQL("SELECT 1 FROM {} WHERE {} IS DISTINCT FROM %s LIMIT 1").format(table, tenant)
        self._become(self._app, READER)
        if self._touches(other, READER):
            yield Breach.READ
        for breach, text in ((Breach.UPDATE, "UPDATE {} SET {} = {} WHERE {} = %s"), (Breach.DELETE, "DELETE FROM {}")):
            if relation.kind in "rp" and self._touches(self._change(text, table, tenant), OWNER_OF_CANARIES):
                yield breach
        if relation.oid in self._canaries and self._forges(relation):
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

    def _forges(self, relation: _Relation) -> bool:
        """Whether one organisation may write a row in another's name; refused for any reason is not proven."""
        self._become(self._app, READER)
        try:
            with self._connection.transaction(force_rollback=True):
                # no RETURNING: it would ask for the right to read the row as well
                self._connection.execute(*self._insertion(relation.oid, relation.identifier, ()))
        except (_UnprovenError, psycopg.Error):
            return False
        return True

    def _canary(self, oid: int, table: sql.Identifier, path: tuple[int, ...]) -> None:
        """A row of the synthetic organisation is in ``table``, its parents' in theirs."""
        if oid in self._canaries:
            return
        statement, values = self._insertion(oid, table, path)
        row = self._connection.execute(statement + sql.SQL(" RETURNING *"), values).fetchone() or ()
        self._canaries[oid] = dict(zip((number for (number,) in self._rows(_NUMBERS, oid)), row, strict=True))

    def _insertion(self, oid: int, table: sql.Identifier, path: tuple[int, ...]) -> tuple[sql.Composed, list[Any]]:
        """The statement that adds a row of the synthetic organisation, and its values."""
        parents = self._parents(oid, (*path, oid))
        row: dict[str, Any] = {}
        for column in (_Column(*found) for found in self._rows(_COLUMNS, oid)):
            row[column.name] = parents[column.number] if column.number in parents else column.value()
        if self._rows(_HAS_TENANT, oid, TENANT_COLUMN):
            row[TENANT_COLUMN] = OWNER_OF_CANARIES
        if not row:
            return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table), []
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        places = sql.SQL(", ").join(sql.Placeholder() * len(row))
        return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, columns, places), list(row.values())

    def _parents(self, oid: int, path: tuple[int, ...]) -> dict[int, Any]:
        """Values of the columns that refer to other tables, whose canaries are made first."""
        needed = {number for number, *_ in self._rows(_COLUMNS, oid)}
        values: dict[int, Any] = {}
        for parent, columns, referred in self._rows(_REFERENCES, oid):
            if not needed.intersection(columns):
                continue
            if parent in path:
                raise _UnprovenError("ses clés étrangères forment un cercle")
            schema, name = next(iter(self._rows(_NAME, parent)))
            self._canary(parent, sql.Identifier(schema, name), path)
            values.update(zip(columns, (self._canaries[parent][number] for number in referred), strict=True))
        return values

    def _become(self, role: str, organisation: str) -> None:
        self._connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        self._connection.execute("SELECT set_config(%s, %s, true)", (_SETTING, organisation))

    def _rows(self, statement: LiteralString, *values: object) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()


_HAS_TENANT: Final = "SELECT 1 FROM pg_attribute WHERE attrelid = %s AND attname = %s AND NOT attisdropped"
_NUMBERS: Final = (
    "SELECT attnum FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_NAME: Final = (
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s"
)


def _reason(error: Exception) -> str:
    if isinstance(error, _UnprovenError):
        return str(error)
    said = error.diag.constraint_name if isinstance(error, psycopg.Error) else None
    return f"ligne témoin refusée par {said}" if said else "ligne témoin refusée"
