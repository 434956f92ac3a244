"""Replays migrations to know which tables end up guarded by row level security."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from psram.checks import Params
from psram.checks.common import read
from psram.facts import Facts, SqlStatement
from psram.model import Finding


@dataclass(slots=True)
class Table:
    """A table's state after the migrations read so far."""

    path: str
    line: int
    tenant: bool = False
    enabled: bool = False
    forced: bool = False
    policies: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Schema:
    """All tables, ways around the policies, and whether some statements could not be read."""

    params: Params
    tables: dict[str, Table] = field(default_factory=dict)
    escapes: list[Finding] = field(default_factory=list)
    dynamic: bool = False

    def tenant_tables(self) -> set[str]:
        """Tables that have the tenant's column."""
        return {name for name, table in self.tables.items() if table.tenant}

    def unguarded(self, also: set[str]) -> Iterator[Finding]:
        """What lacks to each tenant table and to those of ``also``."""
        for name in sorted(self.tenant_tables() | also):
            table = self.tables[name]
            for problem in self._problems(table):
                yield Finding(f"table « {name} » : {problem}", table.path, table.line)

    def _problems(self, table: Table) -> Iterator[str]:
        if not table.tenant:
            yield f"la colonne {self.params['column']} manque"
        if not table.enabled:
            yield "ENABLE ROW LEVEL SECURITY manque"
        if not table.forced:
            yield "FORCE ROW LEVEL SECURITY manque (le propriétaire de la table passerait outre)"
        permissive = {name: text for name, text in table.policies.items() if "as restrictive" not in text}
        if not permissive:
            yield "aucune politique (CREATE POLICY) ne limite les lignes à l'organisme"
        for name, text in sorted(permissive.items()):
            if not self._limits(text):
                yield f"la politique « {name} » ne limite pas les lignes à l'organisme courant"

    def _limits(self, policy: str) -> bool:
        """Whether each condition compares the tenant's column with the current setting, and nothing widens it."""
        parts = [p for p in re.split(r"\b(?:using|with check)\b\s*(?=\()", policy)[1:] if p.strip()]
        setting = re.escape(str(self.params["setting"]))
        wanted = re.compile(rf"current_setting\s*\(\s*'{setting}'")
        column = str(self.params["column"])
        return bool(parts) and all(wanted.search(p) and column in p and not re.search(r"\bor\b", p) for p in parts)


def replay(facts: Facts, params: Params) -> Schema:
    """The schema after all migrations, in the order of their names."""
    schema = Schema(params)
    for file, blob in read(facts):
        if file.path.startswith(params["migrations"]) and file.path.endswith(".sql"):
            for statement in blob.sql:
                _apply(schema, file.path, statement)
    return schema


def _apply(schema: Schema, path: str, statement: SqlStatement) -> None:
    name, detail = statement.table, statement.detail
    table = schema.tables.get(name)
    match statement.kind:
        case "create_table":
            tenant = re.search(rf'(?:^|,)\s*"?{schema.params["column"]}"?\s', detail) is not None
            schema.tables.setdefault(name, Table(path, statement.line, tenant))
        case "drop_table":
            schema.tables.pop(name, None)
        case "rename_table" if table is not None:
            schema.tables[detail] = schema.tables.pop(name)
        case "dynamic":
            schema.dynamic = schema.dynamic or "row level security" in detail or "policy" in detail
        case "bypassrls" | "security_definer" | "row_security_off" | "too_long":
            said = {
                "bypassrls": "donne BYPASSRLS à un rôle",
                "security_definer": "crée une fonction SECURITY DEFINER, exécutée avec les droits du propriétaire",
                "too_long": "contient trop d'instructions pour être lue en entier",
                "row_security_off": "suspend la sécurité au niveau des lignes",
            }[statement.kind]
            schema.escapes.append(Finding(f"la migration {said}", path, statement.line))
        case kind if table is not None:
            _alter(table, kind, detail)
        case _:
            pass


def _alter(table: Table, kind: str, detail: str) -> None:
    policy, _, text = detail.partition(" ")
    match kind:
        case "enable_rls":
            table.enabled = True
        case "disable_rls":
            table.enabled = False
        case "force_rls":
            table.forced = True
        case "no_force_rls":
            table.forced = False
        case "add_organisation":
            table.tenant = True
        case "create_policy":
            table.policies[policy] = text
        case "alter_policy" if "using" in text or "with check" in text:
            table.policies[policy] = text
        case "drop_policy":
            table.policies.pop(policy, None)
        case _:
            pass
