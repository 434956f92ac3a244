"""MTN-002: every entity belongs to an organisation, or is declared shared with a reason; so does every table."""

from __future__ import annotations

from collections.abc import Iterator

from psram.checks import Params
from psram.checks.common import outcome
from psram.facts import Facts
from psram.model import Context, Finding, Outcome
from psram.tenancy import vocabulary
from psram.tenancy.analysis import Analysis, Seen, of
from psram.tenancy.entities import Entity
from psram.wording import counted


def check(facts: Facts, params: Params, context: Context) -> Outcome:
    """Violated by an entity neither scoped nor shared, or both, or shared without a reason; by an ownerless table."""
    analysis = of(facts, vocabulary.of(params))
    return outcome([*_entities(analysis), *_tables(analysis)])


def _entities(analysis: Analysis) -> Iterator[Finding]:
    for file in analysis.mappings:
        yield Finding(
            "une entité décrite en XML ou en YAML : le Starter Kit ne lit que les attributs PHP", file.path, 1
        )
    for entity in analysis.entities:
        said, line = _problem(analysis, entity)
        if said:
            yield Finding(f"l'entité {entity.short} {said}", entity.file.path, line)


def _problem(analysis: Analysis, entity: Entity) -> tuple[str, int]:
    """What is wrong with the entity, and on which line; empty when nothing is."""
    scoped, reason = analysis.is_scoped(entity), analysis.shared(entity)
    attribute = entity.attribute(analysis.words.shared_attribute)
    line = entity.declaration.line
    if not scoped and reason is None:
        return "n'est ni rattachée à un organisme ni déclarée partagée", line
    shared_line = attribute.line if attribute is not None else line
    if scoped and reason is not None:
        return "est à la fois rattachée et déclarée partagée", shared_line
    return ("est déclarée partagée sans raison", shared_line) if reason == "" else ("", 0)


def _tables(analysis: Analysis) -> Iterator[Finding]:
    for table in analysis.loose_tables():
        said = f"la table « {table.name} » n'a ni entité, ni colonne {analysis.words.column}, ni raison d'être partagée"
        yield Finding(said, table.place.path, table.place.line)
    for seen in analysis.unknown_tables():
        yield _seen(seen)


def _seen(seen: Seen) -> Finding:
    """One finding a table, whatever the number of queries: the path to conformity starts with its entity."""
    used = counted(len(seen.places), "requête directe") if seen.places else "aucune requête lisible"
    if seen.created is not None:
        file, line = seen.created
        how = "hors de migrations/" if file.path.endswith(".sql") else "par du PHP et non par un .sql de migrations/"
        said = f"la table « {seen.name} » est créée {how}, sans entité : {used}"
        return Finding(said, file.path, line, excerpt=f"table {seen.name}")
    file, line, _excerpt = seen.places[0]
    others = [f"{f.path}:{number}" for f, number, _e in seen.places[1:3]]
    also = f" (aussi {', '.join(others)}{'…' if len(seen.places) > len(others) + 1 else ''})" if others else ""
    said = f"la table « {seen.name} » n'a ni entité ni migration : {used}{also}"
    return Finding(said, file.path, line, excerpt=f"table {seen.name}")  # the same finding, whatever its queries
