"""The tenancy matrix as a report carries it: entity × (column, filter, policy, test, native SQL), each with its proof.

Values only. A later kind of proof (a probe over HTTP or SQL) is one more :class:`Column` and one more cell a row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from psram.wording import counted


class CellVerdict(StrEnum):
    """What one cell says; the words are those of the rules' verdicts."""

    CONFORMING = "conforme"
    VIOLATED = "non_conforme"
    UNKNOWN = "indetermine"
    NOT_APPLICABLE = "non_applicable"


class Column(StrEnum):
    """What is asked of each entity."""

    COLUMN = "colonne"
    FILTER = "filtre"
    POLICY = "politique"
    TEST = "test"
    NATIVE_SQL = "sql_natif"


TITLES: Final = {
    Column.COLUMN: "Colonne d'organisme",
    Column.FILTER: "Filtre Doctrine",
    Column.POLICY: "Politique PostgreSQL (RLS)",
    Column.TEST: "Test d'isolation",
    Column.NATIVE_SQL: "Requêtes hors de Doctrine",
}


class Nature(StrEnum):
    """How a row relates to organisations."""

    SCOPED = "rattachee"
    SHARED = "partagee"
    UNDECLARED = "non_declaree"
    TABLE = "table"
    QUERIES = "requetes"


class ProofKind(StrEnum):
    """Where a proof comes from."""

    SOURCE = "source"
    MIGRATION = "migration"
    JUNIT = "junit"
    QUERY = "requete"


class Proof(msgspec.Struct, frozen=True, omit_defaults=True):
    """What supports a cell, or speaks against it: ``said`` is the statement, the case's name or the query."""

    kind: ProofKind
    said: str
    path: str = ""
    line: int = 0


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer, its reason in French and its proofs (at most five; ``proofs_total`` counts them all)."""

    column: Column
    verdict: CellVerdict
    said: str
    proofs: tuple[Proof, ...] = ()
    proofs_total: int = 0


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entity, or a table without one; the last row of all may be the queries that nobody can read."""

    name: str
    nature: Nature
    cells: tuple[Cell, ...]
    table: str = ""
    path: str = ""
    line: int = 0

    def cell(self, column: Column) -> Cell | None:
        """Its cell of that column, or ``None``."""
        return next((c for c in self.cells if c.column is column), None)


class Heading(msgspec.Struct, frozen=True):
    """A column's title, in French."""

    column: Column
    title: str


class Tenancy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The matrix. ``rows`` are bounded, the gravest first; ``rows_total`` counts them all."""

    columns: tuple[Heading, ...]
    rows: tuple[Row, ...]
    rows_total: int = 0
    queries_total: int = 0

    def count(self, verdict: CellVerdict) -> int:
        """How many cells say that."""
        return sum(cell.verdict is verdict for row in self.rows for cell in row.cells)

    def sentence(self) -> str:
        """One French sentence: how many rows are red, and which columns of the first of them."""
        red = [row for row in self.rows if any(c.verdict is CellVerdict.VIOLATED for c in row.cells)]
        if not red:
            waiting = self.count(CellVerdict.UNKNOWN)
            return f"{counted(self.rows_total, 'ligne')}, " + (
                "des preuves attendues" if waiting else "tout est prouvé"
            )
        columns = [c.column.value for c in red[0].cells if c.verdict is CellVerdict.VIOLATED]
        return f"{counted(len(red), 'ligne rouge')} sur {self.rows_total}, d'abord {red[0].name} ({', '.join(columns)})"
