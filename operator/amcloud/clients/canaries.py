"""Canary rows of synthetic organisations, in whatever tables an application has: made from the catalogue alone.

A row gets a value for each column that needs one, by its type; rows that it refers to are made first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from amcloud.stages.seen.isolation import TENANT_COLUMN

MOST_TABLES: Final = 500
SETTING: Final = "amcloud.organisation"
SHARED: Final = "canari"
"""What texts say in tables that every organisation shares."""
_VARLENA_HEADER: Final = 4  # PostgreSQL counts it in a text type's modifier
_MOST_RETRIES: Final = 5

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
_HAS_TENANT: Final = "SELECT 1 FROM pg_attribute WHERE attrelid = %s AND attname = %s AND NOT attisdropped"
_NUMBERS: Final = (
    "SELECT attnum, attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_NAME: Final = (
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s"
)
_CHECK: Final = (
    "SELECT a.attname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_attribute a "
    "ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] "
    "WHERE k.conrelid = %s AND k.conname = %s AND k.contype = 'c' AND cardinality(k.conkey) = 1"
)
_CHOICE: Final = re.compile(r"= ANY \(+ARRAY\['((?:[^']|'')*)'|\(\(?\w+\)?(?:::\w+)? = '((?:[^']|'')*)'")

_VALUES: Final[dict[str, Any]] = {
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
_BY_CATEGORY: Final[dict[str, Any]] = {"N": 998, "B": False, "D": "2000-01-01", "A": "{}", "T": "0"}

Texts = Callable[[str], str]
"""What texts say in a row of an organisation, whose code is given; ``""`` for rows that all share."""


class UnprovenError(Exception):
    """No canary row could be made; the text says why, in French."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that has the tenant column."""

    oid: int
    schema: str
    name: str
    kind: str

    @property
    def shown(self) -> str:
        """Its name, with its schema when that is not ``public``."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in SQL."""
        return sql.Identifier(self.schema, self.name)

    @property
    def is_table(self) -> bool:
        """Whether it holds rows itself."""
        return self.kind in "rp"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was made: its values by column number, and by name."""

    numbered: dict[int, Any] = field(default_factory=dict)
    named: dict[str, Any] = field(default_factory=dict)


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

    def value(self, text: str) -> Any:
        """A value that its type takes; its other constraints may still refuse it."""
        if self.type_type == "e":
            return self.label
        if self.type_name == "bytea":
            return text.encode()
        if self.type_name in _VALUES:
            return _VALUES[self.type_name]
        if self.category == "S":
            return text[: self.modifier - _VARLENA_HEADER] if self.modifier > _VARLENA_HEADER else text
        if self.category not in _BY_CATEGORY:
            raise UnprovenError(f"colonne {self.name} de type {self.type_name}")
        return _BY_CATEGORY[self.category]


class Canaries:
    """Rows made over one connection, by whatever role it acts as at that moment."""

    def __init__(self, connection: psycopg.Connection, *, texts: Texts = lambda _code: SHARED) -> None:
        self._connection = connection
        self._texts = texts
        self._made: dict[tuple[int, str], Row] = {}
        self._chosen: dict[tuple[int, str], str] = {}

    def relations(self) -> list[Relation]:
        """Tables and views that have the tenant column, by name."""
        return [Relation(*row) for row in self._rows(_RELATIONS, TENANT_COLUMN, MOST_TABLES)]

    def row(self, relation: Relation, organisation: str) -> Row | None:
        """The canary of that organisation in that table, if it was made."""
        return self._made.get((relation.oid, organisation))

    @property
    def choices(self) -> int:
        """How many columns take a value that a constraint listed."""
        return len(self._chosen)

    def forget(self) -> None:
        """The rows of organisations are gone; those that all share are not."""
        self._made = {of: row for of, row in self._made.items() if not of[1]}

    def plant(self, relation: Relation, organisation: str) -> None:
        """A canary of that organisation is in the table, its parents' in theirs.

        Raises:
            UnprovenError: no value is known for a column, or foreign keys form a circle.
        """
        before = dict(self._made)
        try:
            with self._connection.transaction():
                self._connection.execute("SELECT set_config(%s, %s, true)", (SETTING, organisation))
                self._plant(relation.oid, relation.identifier, organisation, ())
        except (UnprovenError, psycopg.Error):
            self._made = before  # parents that were made on the way are gone with the transaction
            raise

    def insertion(self, relation: Relation, organisation: str) -> tuple[sql.Composed, list[Any]]:
        """The statement that adds a row of that organisation, and its values."""
        return self._insertion(relation.oid, relation.identifier, organisation, ())

    def _plant(self, oid: int, table: sql.Identifier, organisation: str, path: tuple[int, ...]) -> Row:
        organisation = organisation if self._scoped(oid) else ""  # a row that all share is made once
        if (known := self._made.get((oid, organisation))) is not None:
            return known
        values = self._inserted(oid, table, organisation, path)
        columns = self._rows(_NUMBERS, oid)
        numbered = {number: value for (number, _name), value in zip(columns, values, strict=True)}
        made = Row(numbered, {name: numbered[number] for number, name in columns})
        self._made[oid, organisation] = made
        return made

    def _inserted(self, oid: int, table: sql.Identifier, organisation: str, path: tuple[int, ...]) -> tuple[Any, ...]:
        """The row as it was stored; a list of allowed values in a constraint gives the first of them."""
        for _ in range(_MOST_RETRIES):
            statement, values = self._insertion(oid, table, organisation, path)
            try:
                with self._connection.transaction():
                    return self._connection.execute(statement + sql.SQL(" RETURNING *"), values).fetchone() or ()
            except psycopg.errors.CheckViolation as error:
                if not self._choose(oid, error.diag.constraint_name or ""):
                    raise
        raise UnprovenError("ses contraintes refusent toute ligne témoin")

    def _choose(self, oid: int, constraint: str) -> bool:
        """Whether the constraint lists values, the first of which is taken from now on."""
        for column, definition in self._rows(_CHECK, oid, constraint):
            found = _CHOICE.search(definition)
            if found and (oid, column) not in self._chosen:
                self._chosen[oid, column] = (found[1] or found[2] or "").replace("''", "'")
                return True
        return False

    def _insertion(
        self, oid: int, table: sql.Identifier, organisation: str, path: tuple[int, ...]
    ) -> tuple[sql.Composed, list[Any]]:
        parents = self._parents(oid, organisation, (*path, oid))
        scoped = self._scoped(oid)
        text = self._texts(organisation if scoped else "")
        row: dict[str, Any] = {}
        for column in (_Column(*found) for found in self._rows(_COLUMNS, oid)):
            if column.number in parents:
                row[column.name] = parents[column.number]
            else:
                row[column.name] = self._chosen.get((oid, column.name)) or column.value(text)
        if scoped:
            row[TENANT_COLUMN] = organisation
        if not row:
            return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table), []
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        places = sql.SQL(", ").join(sql.Placeholder() * len(row))
        return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, columns, places), list(row.values())

    def _parents(self, oid: int, organisation: str, path: tuple[int, ...]) -> dict[int, Any]:
        """Values of the columns that refer to other tables, whose canaries are made first."""
        needed = {number for number, *_ in self._rows(_COLUMNS, oid)}
        values: dict[int, Any] = {}
        for parent, columns, referred in self._rows(_REFERENCES, oid):
            if not needed.intersection(columns):
                continue
            if parent in path:
                raise UnprovenError("ses clés étrangères forment un cercle")
            schema, name = next(iter(self._rows(_NAME, parent)))
            row = self._plant(parent, sql.Identifier(schema, name), organisation, path)
            values.update(zip(columns, (row.numbered[number] for number in referred), strict=True))
        return values

    def _scoped(self, oid: int) -> bool:
        return bool(self._rows(_HAS_TENANT, oid, TENANT_COLUMN))

    def _rows(self, statement: LiteralString, *values: object) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()


def reason(error: Exception) -> str:
    """Why there is no canary, in a few French words."""
    if isinstance(error, UnprovenError):
        return str(error)
    said = error.diag.constraint_name if isinstance(error, psycopg.Error) else None
    return f"ligne témoin refusée par {said}" if said else "ligne témoin refusée"
