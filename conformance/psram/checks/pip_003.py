"""PIP-003: migrations can be applied while the previous revision serves, and lose nothing that nobody meant to lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts, SqlStatement
from psram.model import Context, Finding, Outcome
from psram.tenancy import vocabulary
from psram.tenancy.guards import problems
from psram.tenancy.schema import Schema, migrations, replay

_DESTRUCTIVE: Final = {
    "drop_table": "supprime la table « {table} »",
    "drop_schema": "supprime le schéma « {table} »",
    "drop_column": "supprime la colonne {detail} de « {table} »",
    "rename_table": "renomme la table « {table} », que la révision en service lit encore",
    "rename_column": "renomme une colonne de « {table} », que la révision en service lit encore",
    "alter_type": "change le type de {detail} dans « {table} »",
    "truncate": "vide la table « {table} »",
    "delete_all": "efface toutes les lignes de « {table} »",
    "update_all": "réécrit toutes les lignes de « {table} »",
    "block_destroys": "un bloc DO détruit ou réécrit ce qui existe ({detail})",
    "add_constraint": "impose {detail} à « {table} », où des lignes peuvent ne pas s'y plier",
    "set_not_null": "rend {detail} obligatoire dans « {table} », où des lignes peuvent ne pas l'avoir",
}

_CONSTRAINTS: Final = {
    "unique": "l'unicité",
    "exclude": "une exclusion",
    "check": "un contrôle (CHECK sans NOT VALID)",
    "foreign": "une clé étrangère (sans NOT VALID)",
}


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by a destructive change that no comment declares, a required column without default, an open table."""
    words = vocabulary.of(params)
    schema = replay(facts, words)
    return outcome([*_misnamed(schema), *_statements(facts, schema), *_open(schema)])


def _misnamed(schema: Schema) -> Iterator[Finding]:
    for path in schema.misnamed:
        yield Finding("le nom n'est pas NNNN_libelle.sql : la commande de migration refuse de démarrer", path, 1)


def _statements(facts: Facts, schema: Schema) -> Iterator[Finding]:
    """What each migration does to tables that an earlier one made: those may hold rows, and a revision reads them."""
    existing: set[str] = set()
    for file, blob in migrations(facts, schema.words):
        made: set[str] = set()
        added: set[tuple[str, str]] = set()
        for statement in blob.sql if blob is not None else ():
            if statement.kind == "create_table" and statement.table not in existing:
                made.add(statement.table)
            if statement.kind == "add_column":
                added.add((statement.table, statement.detail))
            said = _danger(statement) if _touches(statement, existing) else ""
            if statement.kind == "add_constraint" and _on_new_columns(statement, schema, added):
                said = ""
            if statement.kind == "rename_table":
                made.add(statement.detail)
            if said and not statement.reason:
                yield Finding(said, file.path, statement.line)
        existing |= made


def _touches(statement: SqlStatement, existing: set[str]) -> bool:
    """Whether it changes a table that an earlier migration made."""
    match statement.kind:
        case "block_destroys":
            return bool(existing)
        case "drop_schema":
            inside = (name.startswith(f"{statement.table}.") for name in existing)
            return any(inside) or (statement.table == "public" and any("." not in name for name in existing))
        case _:
            return statement.table in existing


def _on_new_columns(statement: SqlStatement, schema: Schema, added: set[tuple[str, str]]) -> bool:
    """Whether a constraint binds columns of this very file only: no row has a value there yet."""
    table = schema.tables.get(statement.table)
    bound = [c.name for c in statement.columns if table is not None and c.name in table.columns]
    return all((statement.table, name) in added for name in bound)


def _danger(statement: SqlStatement) -> str:
    if statement.kind == "add_column":
        column = statement.columns[0]
        if column.not_null and not column.default:
            said = "sans valeur par défaut : la migration échoue dès qu'il y a une ligne"
            return f"ajoute la colonne obligatoire {column.name} à « {statement.table} » {said}"
        return ""
    pattern = _DESTRUCTIVE.get(statement.kind, "")
    return pattern.format(table=statement.table, detail=_CONSTRAINTS.get(statement.detail, statement.detail))


def _open(schema: Schema) -> Iterator[Finding]:
    for name in sorted(schema.tenant_tables()):
        table = schema.tables[name]
        if any(problems(table, schema.words, tenant=True)) and table.enabled is None:
            said = f"la nouvelle table « {name} » porte des lignes d'organismes et n'active pas la sécurité par ligne"
            yield Finding(said, table.place.path, table.place.line)
