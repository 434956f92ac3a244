"""Replays migrations in order: which tables exist at the end, and what guards each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from psram.facts import BlobFacts, Facts, FileFact, Kind, SqlColumn, SqlPolicy, SqlStatement
from psram.tenancy.vocabulary import Vocabulary

_NAME: Final = re.compile(r"[0-9]{4}_[a-z0-9_]+\.sql")
_ESCAPES: Final = {
    "bypassrls": "donne BYPASSRLS ou SUPERUSER à un rôle",
    "security_definer": "crée une fonction SECURITY DEFINER, exécutée avec les droits du propriétaire",
    "row_security_off": "suspend la sécurité au niveau des lignes",
    "set_tenant": "change l'organisme courant (amcloud.organisation), que seul le Starter Kit fixe",
    "rewrite_rule": "crée une règle (CREATE RULE), qui réécrit les requêtes hors de vue",
    "catalog_write": "écrit dans les tables internes de PostgreSQL",
}
_DOUBTS: Final = {
    "dynamic": "un bloc DO ou une fonction fabrique des instructions à l'exécution",
    "search_path": "search_path change : on ne sait plus quelle table est nommée",
    "doubtful": "une écriture que l'on ne peut pas lire sûrement",
    "too_long": "trop d'instructions pour être lue en entier",
}


class Place(NamedTuple):
    """Where a migration says something, and the statement itself."""

    path: str
    line: int
    shown: str = ""


class Said(NamedTuple):
    """A sentence about a place."""

    place: Place
    text: str


@dataclass(slots=True)
class Table:
    """A table's state after the migrations read so far; a place is ``None`` while nothing was done."""

    name: str
    place: Place
    columns: dict[str, SqlColumn] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    column_place: Place | None = None
    enabled: Place | None = None
    forced: Place | None = None
    policies: dict[str, tuple[SqlPolicy, Place]] = field(default_factory=dict)
    shared_reason: str = ""


@dataclass(slots=True)
class Schema:
    """All tables, ways around the policies, what could not be read, and files that no migration command applies."""

    words: Vocabulary
    tables: dict[str, Table] = field(default_factory=dict)
    escapes: list[Said] = field(default_factory=list)
    doubts: list[Said] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    views: set[str] = field(default_factory=set)

    def tenant(self, name: str) -> bool:
        """Whether the table has the tenant's column, itself or from what it was made of."""
        waiting, seen = [name], set[str]()
        while waiting:
            table = self.tables.get(waiting.pop())
            if table is None or table.name in seen:
                continue
            seen.add(table.name)
            if self.words.column in table.columns:
                return True
            waiting.extend(table.origins)
        return False

    def tenant_tables(self) -> frozenset[str]:
        """Tables that hold rows of organisations."""
        return frozenset(name for name in self.tables if self.tenant(name))


def migrations(facts: Facts, words: Vocabulary) -> Iterator[tuple[FileFact, BlobFacts | None]]:
    """Migration files in the order in which they are applied; no facts for one that was not read."""
    for file in facts.files:
        name = file.path.removeprefix(words.migrations)
        if file.path.startswith(words.migrations) and name.endswith(".sql") and "/" not in name:
            readable = file.kind in (Kind.FILE, Kind.EXECUTABLE) and file.skipped is None
            yield file, facts.blobs.get(file.blob, BlobFacts()) if readable else None


def replay(facts: Facts, words: Vocabulary) -> Schema:
    """The schema after all migrations."""
    schema = Schema(words)
    for file, blob in migrations(facts, words):
        if not _NAME.fullmatch(file.path.removeprefix(words.migrations)):
            schema.misnamed.append(file.path)
        elif blob is None:
            schema.doubts.append(Said(Place(file.path, 0), "le fichier n'a pas pu être lu"))
        else:
            for statement in blob.sql:
                _apply(schema, Place(file.path, statement.line, statement.shown), statement)
    return schema


def _apply(schema: Schema, place: Place, statement: SqlStatement) -> None:
    kind, name = statement.kind, statement.table
    if kind in _ESCAPES:
        schema.escapes.append(Said(place, f"la migration {_ESCAPES[kind]}"))
    elif kind in _DOUBTS:
        schema.doubts.append(Said(place, _DOUBTS[kind]))
    elif kind == "create_table":
        schema.tables.setdefault(name, _made(schema, place, statement))
    elif kind == "create_view":
        schema.views.add(name)
    elif kind == "create_matview" and any(schema.tenant(source) for source in statement.sources):
        said = f"la vue matérialisée « {name} » copie des lignes d'organismes, hors de toute politique de PostgreSQL"
        schema.escapes.append(Said(place, said))
    elif kind == "drop_schema":
        for other in [t for t in schema.tables if t.startswith(f"{name}.")]:
            del schema.tables[other]
    elif name in schema.tables:
        _alter(schema, schema.tables[name], place, statement)


def _made(schema: Schema, place: Place, statement: SqlStatement) -> Table:
    columns = {column.name: column for column in statement.columns}
    own = schema.words.column in columns
    table = Table(statement.table, place, columns, statement.sources, place if own else None)
    table.shared_reason = statement.reason
    return table


def _alter(schema: Schema, table: Table, place: Place, statement: SqlStatement) -> None:  # noqa: PLR0912  a kind a line
    detail = statement.detail
    match statement.kind:
        case "drop_table":
            del schema.tables[table.name]
        case "rename_table":
            del schema.tables[table.name]
            table.name = detail
            schema.tables[detail] = table
        case "attach_partition":
            table.origins = (*table.origins, *statement.sources)
        case "enable_rls":
            table.enabled = place
        case "disable_rls":
            table.enabled = None
        case "force_rls":
            table.forced = place
        case "no_force_rls":
            table.forced = None
        case "comment_table":
            shared = re.match(r"partag[ée]e?\s*:\s*(\S.{8,})", detail, re.IGNORECASE)
            table.shared_reason = shared[1] if shared else ""
        case "add_column":
            table.columns.update({column.name: column for column in statement.columns})
            if detail == schema.words.column:
                table.column_place = place
        case "drop_column":
            table.columns.pop(detail, None)
            if detail == schema.words.column:
                table.column_place = None
                table.policies.clear()  # PostgreSQL refuses without CASCADE, and drops them with it
        case "rename_column":
            old, _, new = detail.partition(" ")
            if old in table.columns:
                table.columns[new] = table.columns.pop(old)
        case _:
            _policy(table, place, statement)


def _policy(table: Table, place: Place, statement: SqlStatement) -> None:
    name, policy = statement.detail, statement.policy
    if statement.kind == "drop_policy":
        table.policies.pop(name, None)
    elif policy is None:
        return
    elif statement.kind == "create_policy":
        table.policies[name] = (policy, place)
    elif name in table.policies:
        known, created = table.policies.pop(name)
        if statement.kind == "rename_policy":
            table.policies[policy.name] = (_named(known, policy.name), created)
            return
        merged = SqlPolicy(
            name=known.name,
            restrictive=known.restrictive,
            command=known.command,
            roles=policy.roles or known.roles,
            using=policy.using or known.using,
            checks=policy.checks or known.checks,
        )
        table.policies[name] = (merged, place)


def _named(policy: SqlPolicy, name: str) -> SqlPolicy:
    return SqlPolicy(name, policy.restrictive, policy.command, policy.roles, policy.using, policy.checks)
