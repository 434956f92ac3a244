"""The tenancy matrix: one row an entity or a table, one cell a protection. Pure; nothing is told that is not proven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psram.facts import Facts
from psram.model import Context
from psram.proofs import TestSummary
from psram.rules import Pack
from psram.tenancy import cells, vocabulary
from psram.tenancy.analysis import Analysis, Seen, of
from psram.tenancy.entities import Entity
from psram.tenancy.report import TITLES, Cell, CellVerdict, Column, Heading, Nature, Proof, ProofKind, Row, Tenancy
from psram.tenancy.schema import Table
from psram.tenancy.trials import Runs
from psram.wording import counted

MAX_ROWS: Final = 300
_RULE: Final = "MTN-003"
_NONE: Final = CellVerdict.NOT_APPLICABLE
_GRAVITY: Final = (CellVerdict.VIOLATED, CellVerdict.UNKNOWN, CellVerdict.CONFORMING, _NONE)


def matrix(facts: Facts, pack: Pack, context: Context) -> Tenancy | None:
    """The matrix of these facts with the names that the pack gives; ``None`` when the application keeps no data."""
    rule = pack.rule(_RULE)
    analysis = of(facts, vocabulary.of(rule.params if rule is not None else {}))
    rows = sorted(_rows(analysis, Runs(tests_of(facts, context))), key=_order)
    if not rows:
        return None
    return Tenancy(
        columns=tuple(Heading(column, TITLES[column]) for column in Column),
        rows=tuple(rows[:MAX_ROWS]),
        rows_total=len(rows),
        queries_total=len(analysis.sites),
    )


def tests_of(facts: Facts, context: Context) -> TestSummary | None:
    """The JUnit report of this very commit that the platform itself fetched; ``None`` without one."""
    pipeline = context.evidence.pipeline
    if pipeline is None or not pipeline.trusted or pipeline.commit != facts.commit:
        return None
    return pipeline.tests


def _order(row: Row) -> tuple[int, str, str]:
    gravest = min((_GRAVITY.index(cell.verdict) for cell in row.cells), default=len(_GRAVITY))
    return gravest, row.name, row.path


def _rows(analysis: Analysis, runs: Runs) -> Iterator[Row]:
    mapped: set[str] = set()
    for entity in analysis.entities:
        mapped.update(analysis.tables_of(entity))
        yield _entity(analysis, entity, runs)
    for name in sorted(analysis.schema.tables):
        if name in analysis.tenant_tables and name not in mapped:
            yield _table(analysis, analysis.schema.tables[name], runs)
    for table in analysis.loose_tables():
        yield _loose(table)
    for seen in analysis.unknown_tables():
        yield _unknown(seen)
    placeless = [site for site in analysis.sites if not site.tables]
    if placeless:
        first = placeless[0]
        answer = cells.queries(placeless, analysis, runs)
        yield Row(
            "Requêtes sans table lisible",
            Nature.QUERIES,
            (*_blank(answer),),
            path=first.file.path,
            line=first.site.line,
        )


def _entity(analysis: Analysis, entity: Entity, runs: Runs) -> Row:
    table = analysis.table_of(entity)
    tables = analysis.tables_of(entity)
    name = table.name if table is not None else tables[0]
    reason = analysis.shared(entity)
    if reason is not None and not analysis.is_scoped(entity):
        answers: tuple[Cell, ...] = tuple(_shared(reason))
        nature = Nature.SHARED
    else:
        what = f"{entity.short} ni sa table « {name} »"
        answers = (
            cells.column(analysis, entity, table),
            cells.filtered(analysis, entity),
            cells.policy(analysis, name, table),
            cells.tested(analysis.trials_of(entity.declaration.name, *tables), runs, what),
            cells.native(analysis, tables, runs),
        )
        nature = Nature.SCOPED if analysis.is_scoped(entity) else Nature.UNDECLARED
    return Row(entity.short, nature, answers, name, entity.file.path, entity.declaration.line)


def _shared(reason: str) -> Iterator[Cell]:
    given = f"partagée : {reason}" if reason else "déclarée partagée sans raison"
    yield cells.cell(Column.COLUMN, _NONE if reason else CellVerdict.VIOLATED, given)
    for column in list(Column)[1:]:
        yield cells.cell(column, _NONE, "sans objet : partagée")


def _table(analysis: Analysis, table: Table, runs: Runs) -> Row:
    """A table of the migrations that holds rows of organisations, and that no entity maps."""
    column = table.column_place or table.place
    answers = (
        cells.cell(Column.COLUMN, CellVerdict.CONFORMING, analysis.words.column, [cells.migration(column)]),
        cells.cell(Column.FILTER, _NONE, "sans entité : Doctrine ne la lit pas"),
        cells.policy(analysis, table.name, table),
        cells.tested(analysis.trials_of(table.name), runs, f"« {table.name} »"),
        cells.native(analysis, [table.name], runs),
    )
    return Row(table.name, Nature.TABLE, answers, table.name, table.place.path, table.place.line)


def _loose(table: Table) -> Row:
    said = "ni entité, ni colonne d'organisme, ni raison d'être partagée"
    answers = [cells.cell(Column.COLUMN, CellVerdict.VIOLATED, said, [cells.migration(table.place)])]
    answers += [cells.cell(column, CellVerdict.VIOLATED, "non cloisonnée") for column in (Column.FILTER, Column.POLICY)]
    answers += [cells.cell(column, _NONE, "à déclarer d'abord") for column in (Column.TEST, Column.NATIVE_SQL)]
    return Row(table.name, Nature.UNDECLARED, tuple(answers), table.name, table.place.path, table.place.line)


def _unknown(seen: Seen) -> Row:
    """A table known by the queries that name it: what an application without the kit shows first."""
    file, line = seen.created or seen.places[0][:2]
    places = [Proof(ProofKind.QUERY, f"requête sur « {seen.name} »", f.path, number) for f, number, _e in seen.places]
    said = "ni entité ni migration ne la décrit" if seen.created is None else "créée hors de migrations/, sans entité"
    answers = [cells.cell(Column.COLUMN, CellVerdict.VIOLATED, said)]
    answers += [cells.cell(column, CellVerdict.VIOLATED, "non cloisonnée") for column in (Column.FILTER, Column.POLICY)]
    answers += [cells.cell(Column.TEST, _NONE, "à déclarer d'abord")]
    direct = counted(len(places), "requête directe") if places else "aucune requête lisible"
    answers += [cells.cell(Column.NATIVE_SQL, CellVerdict.VIOLATED if places else _NONE, direct, places)]
    return Row(seen.name, Nature.UNDECLARED, tuple(answers), seen.name, file.path, line)


def _blank(answer: Cell) -> Iterator[Cell]:
    for column in Column:
        yield answer if column is answer.column else cells.cell(column, _NONE, "sans objet")
