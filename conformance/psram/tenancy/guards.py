"""Whether PostgreSQL itself keeps an organisation's rows from the others: what each table lacks."""

from __future__ import annotations

from collections.abc import Iterator

from psram.facts import SqlPolicy
from psram.tenancy.schema import Place, Table
from psram.tenancy.vocabulary import Vocabulary


def problems(table: Table, words: Vocabulary, *, tenant: bool) -> Iterator[str]:
    """What lacks to a table that holds rows of organisations, in French; nothing when it is guarded.

    ``tenant`` says that it has the tenant's column, itself or from the table that it was made of.
    """
    if not tenant:
        yield f"la colonne {words.column} manque"
    if table.enabled is None:
        yield "ENABLE ROW LEVEL SECURITY manque"
    if table.forced is None:
        yield "FORCE ROW LEVEL SECURITY manque (le propriétaire de la table passerait outre)"
    policies = [policy for policy, _place in table.policies.values()]
    permissive = sorted((p for p in policies if not p.restrictive), key=lambda p: p.name)
    if not permissive:
        yield "aucune politique (CREATE POLICY) ne limite les lignes à l'organisme"
    elif not any(_closes(p, words) for p in policies):
        for policy in permissive:
            if not limits(policy, words):
                yield f"la politique « {policy.name} » ne limite pas les lignes à l'organisme courant"


def evidence(table: Table) -> Iterator[Place]:
    """The migration statements that guard the table."""
    yield from (place for place in (table.enabled, table.forced) if place is not None)
    yield from (place for _name, (_policy, place) in sorted(table.policies.items()))


def limits(policy: SqlPolicy, words: Vocabulary) -> bool:
    """Whether every row that the policy shows or accepts is the current organisation's."""
    reads = policy.command != "insert"
    writes = policy.command not in ("select", "delete")
    checks = policy.checks or policy.using
    return (not reads or _every(policy.using, words)) and (not writes or _every(checks, words))


def _closes(policy: SqlPolicy, words: Vocabulary) -> bool:
    """Whether a restrictive policy holds for every command and role: then no other one opens anything."""
    everybody = not policy.roles or "public" in policy.roles
    return policy.restrictive and policy.command == "all" and everybody and limits(policy, words)


def _every(alternatives: tuple[tuple[str, ...], ...], words: Vocabulary) -> bool:
    wanted = f"{words.column} = current_setting('{words.setting}')"
    return bool(alternatives) and all(wanted in conditions for conditions in alternatives)
