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
    "set_not_null": "rend {detail} obligatoire dans « {table} », où des lignes peuvent ne pas l'avoir",
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
        for statement in blob.sql if blob is not None else ():
            if statement.kind == "create_table" and statement.table not in existing:
                made.add(statement.table)
            said = _danger(statement) if statement.table in existing else ""
            if statement.kind == "rename_table":
                made.add(statement.detail)
            if said and not statement.reason:
                yield Finding(said, file.path, statement.line)
        existing |= made


def _danger(statement: SqlStatement) -> str:
    if statement.kind == "add_column":
        column = statement.columns[0]
        if column.not_null and not column.default:
            said = "sans valeur par défaut : la migration échoue dès qu'il y a une ligne"
            return f"ajoute la colonne obligatoire {column.name} à « {statement.table} » {said}"
        return ""
    pattern = _DESTRUCTIVE.get(statement.kind, "")
    return pattern.format(table=statement.table, detail=statement.detail)


def _open(schema: Schema) -> Iterator[Finding]:
    for name in sorted(schema.tenant_tables()):
        table = schema.tables[name]
        if any(problems(table, schema.words, tenant=True)) and table.enabled is None:
            said = f"la nouvelle table « {name} » porte des lignes d'organismes et n'active pas la sécurité par ligne"
            yield Finding(said, table.place.path, table.place.line)
