"""MTN-003: isolation in depth. PostgreSQL's row level security guards every tenant table, and no code goes around it.

Doctrine's filters alone are not enough: native SQL bypasses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import at, ignored, outcome, unknown
from psram.facts import Facts, SqlSite
from psram.model import Context, Finding, Outcome
from psram.tenancy import Classes, Entity, entities, php_files
from psram.tenancy.guards import problems
from psram.tenancy.schema import Schema, replay
from psram.tenancy.vocabulary import of

_TOUCHED = re.compile(r'\b(?:from|join|update|into|table|using)\s+(?:only\s+)?"?(?:\w+"?\."?)?(\w+)', re.IGNORECASE)
_OVERRIDE = re.compile(r"set\s+(?:session\s+|local\s+)?(?:role|session\s+authorization|row_security)\b", re.IGNORECASE)


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an unguarded tenant table, a disabled filter, native SQL without the tenant or a changed tenant."""
    schema = replay(facts, of(params))
    classes = Classes(facts)
    scoped = [e for e in entities(facts) if classes.uses(e.declaration, params["trait"])]
    tables = {table for entity in scoped for table in entity.tables} | schema.tenant_tables()
    unproven = list(_unguarded(scoped, schema))
    escapes = [Finding(said.text, said.place.path, said.place.line) for said in schema.escapes]
    found = [*escapes, *_code(facts, params, frozenset(tables))]
    if schema.doubts and not found:
        said = (
            "une migration lisible : des blocs DO ou des fonctions modifient les politiques sans qu'on puisse les lire"
        )
        return unknown(said, unproven)
    return outcome(dict.fromkeys([*found, *unproven]))


def _unguarded(scoped: list[Entity], schema: Schema) -> Iterator[Finding]:
    for entity in scoped:
        known = next((t for t in entity.tables if t in schema.tables), None)
        if known is None:
            said = f"aucune migration ne crée la table « {entity.tables[0]} » de l'entité {entity.short}"
            yield Finding(said, entity.file.path, entity.declaration.line)
    for name in sorted(schema.tenant_tables() | {t for e in scoped for t in e.tables if t in schema.tables}):
        table = schema.tables[name]
        for problem in problems(table, schema.words, tenant=schema.tenant(name)):
            yield Finding(f"table « {name} » : {problem}", table.place.path, table.place.line)


def _code(facts: Facts, params: Params, tables: frozenset[str]) -> Iterator[Finding]:
    for file, php in php_files(facts):
        if ignored(file.path, params):
            continue
        for mark in php.marks:
            if mark.kind == "filters-disable":
                yield at(
                    file,
                    mark,
                    f"le filtre Doctrine {mark.detail} est désactivé : les organismes ne sont plus isolés",
                )
        for site in php.sql:
            message = _problem(site, params, tables)
            if message:
                yield Finding(message, file.path, site.line, excerpt=site.excerpt)


def _problem(site: SqlSite, params: Params, tables: frozenset[str]) -> str:
    sql = site.text.lower()
    if params["setting"] in sql or _OVERRIDE.search(sql):
        return "le code change lui-même l'organisme ou le rôle courant de la base"
    if site.method != "native" or params["column"] in sql:
        return ""
    touched = sorted({found[1] for found in _TOUCHED.finditer(sql)} & tables)
    if not touched:
        return ""
    return f"SQL natif sur « {touched[0]} » sans condition sur {params['column']} : il peut lire tous les organismes"
