"""All that the rules of isolation and the matrix look at, drawn once from the facts."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from psram.facts import Facts, FileFact, Mark
from psram.index import content, data_code
from psram.tenancy.access import UNREADABLE, Danger, Site, sites
from psram.tenancy.entities import Classes, Entity, entities, folded, foreign_mappings
from psram.tenancy.schema import Schema, Table, replay
from psram.tenancy.trials import Trial, isolation_tests
from psram.tenancy.vocabulary import Vocabulary

_SYSTEM: Final = ("pg_", "information_schema", "amcloud_", "sqlite_")
_LINK_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """A table that queries name, with their places, or that PHP or an SQL file creates outside the migrations."""

    name: str
    places: tuple[tuple[FileFact, int, str], ...] = ()
    created: tuple[FileFact, int] | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """One application's data and what guards it."""

    words: Vocabulary
    entities: tuple[Entity, ...]
    scoped: tuple[Entity, ...]
    tables: dict[str, tuple[str, ...]]
    schema: Schema
    tenant_tables: frozenset[str]
    sites: tuple[Site, ...]
    trials: tuple[Trial, ...]
    mappings: tuple[FileFact, ...]
    seen: tuple[Seen, ...]
    bundle: tuple[FileFact, Mark] | None
    scoped_names: frozenset[str]
    naming: dict[str, tuple[Trial, ...]]
    touching: dict[str, tuple[Site, ...]]

    @property
    def switches(self) -> tuple[Site, ...]:
        """Places that change the current organisation or take the filter off."""
        return self.touching.get("", ())

    def sites_of(self, tables: Iterable[str]) -> list[Site]:
        """Places that touch one of these tables, in order."""
        found = {id(site): site for name in tables for site in self.touching.get(name, ())}
        return sorted(found.values(), key=lambda site: (site.file.path, site.site.line))

    def is_scoped(self, entity: Entity) -> bool:
        """Whether its rows belong to an organisation by the kit's trait."""
        return entity.declaration.name in self.scoped_names

    def trials_of(self, *names: str) -> list[Trial]:
        """The isolation tests that name one of these classes or tables, in order."""
        found = {id(trial): trial for name in names for trial in self.naming.get(name.lower(), ())}
        return sorted(found.values(), key=lambda trial: (trial.file.path, trial.method.line))

    def tables_of(self, entity: Entity) -> tuple[str, ...]:
        """Names that the entity's table can have, inheritance followed."""
        return self.tables[entity.declaration.name]

    def table_of(self, entity: Entity) -> Table | None:
        """The table that the migrations create for it."""
        return next((self.schema.tables[t] for t in self.tables_of(entity) if t in self.schema.tables), None)

    def shared(self, entity: Entity) -> str | None:
        """Why the entity is shared by all; ``None`` when it does not say so."""
        return entity.shared_reason(self.words.shared_attribute)

    def undeclared(self) -> Iterator[Entity]:
        """Entities that are neither scoped nor shared."""
        return (e for e in self.entities if not self.is_scoped(e) and self.shared(e) is None)

    def loose_tables(self) -> Iterator[Table]:
        """Tables of the migrations without an entity, the tenant's column, a link's shape or a reason to be shared."""
        mapped = {name for names in self.tables.values() for name in names}
        for name, table in sorted(self.schema.tables.items()):
            if name not in mapped and name not in self.tenant_tables and not table.shared_reason and not _link(table):
                yield table

    def unknown_tables(self) -> Iterator[Seen]:
        """Tables that queries name and that neither an entity nor a migration describes."""
        mapped = {name for names in self.tables.values() for name in names}
        for seen in self.seen:
            if seen.name not in mapped and seen.name not in self.schema.tables and seen.name not in self.schema.views:
                yield seen


_LAST: Final[list[tuple[weakref.ref[Facts], Vocabulary, Analysis]]] = []


def of(facts: Facts, words: Vocabulary) -> Analysis:
    """The analysis of these facts; the last one is kept while they live, as several rules ask for the same."""
    for held, asked, made in _LAST[:1]:
        if held() is facts and asked == words:
            return made
    made = _analysed(facts, words)
    _LAST[:] = [(weakref.ref(facts, lambda _gone: _LAST.clear()), words, made)]
    return made


def _analysed(facts: Facts, words: Vocabulary) -> Analysis:
    classes = Classes(facts)
    found = entities(facts)
    tables = {e.declaration.name: classes.tables(e) for e in found}
    scoped = tuple(e for e in found if classes.uses(e.declaration, words.trait))
    schema = replay(facts, words)
    tenants = schema.tenant_tables() | {t for e in scoped for t in tables[e.declaration.name]}
    trials = tuple(isolation_tests(facts, words))
    owned = {e.declaration.name.lower(): tables[e.declaration.name] for e in scoped}
    hosted = _hosted(facts, words)
    places = tuple(sites(facts, hosted, frozenset(tenants), owned))
    return Analysis(
        words=words,
        entities=found,
        scoped=scoped,
        tables=tables,
        schema=schema,
        tenant_tables=frozenset(tenants),
        sites=places,
        trials=trials,
        mappings=foreign_mappings(facts),
        seen=tuple(_seen(facts, hosted)),
        bundle=_bundle(facts, words),
        scoped_names=frozenset(e.declaration.name for e in scoped),
        naming=_naming(trials),
        touching=_touching(places),
    )


def _touching(places: tuple[Site, ...]) -> dict[str, tuple[Site, ...]]:
    """Places by the tables that they touch; under no name, those that change the current organisation."""
    found: dict[str, list[Site]] = {}
    for site in places:
        for name in ("",) if site.danger is Danger.SWITCH else site.tables:
            found.setdefault(name, []).append(site)
    return {name: tuple(listed) for name, listed in found.items()}


def _hosted(facts: Facts, words: Vocabulary) -> Vocabulary:
    """The same words, without leaving out a folder of tests that the application loads in production."""
    loaded = tuple(mapping.constraint for mapping in facts.composer.psr4)
    kept = tuple(folder for folder in words.ignore if not any(path.startswith(folder) for path in loaded))
    return replace(words, ignore=kept)


def _naming(trials: tuple[Trial, ...]) -> dict[str, tuple[Trial, ...]]:
    """The isolation tests by the words that they name."""
    found: dict[str, dict[int, Trial]] = {}
    for trial in trials:
        for word in (*trial.method.mentions, *trial.suite.mentions):
            found.setdefault(word.lower(), {})[id(trial)] = trial
    return {word: tuple(named.values()) for word, named in found.items()}


def _seen(facts: Facts, words: Vocabulary) -> Iterator[Seen]:
    places: dict[str, list[tuple[FileFact, int, str]]] = {}
    for file, php in data_code(facts):
        if words.ignored(file.path):
            continue
        for site in php.access:
            named = [t for read in site.reads for t in read.tables] + [folded(t) for t in site.tables]
            for name in dict.fromkeys(named) if site.kind in ("sql", "table") else ():
                if name != UNREADABLE and not name.startswith(_SYSTEM):
                    places.setdefault(name, []).append((file, site.line, site.excerpt))
    created = _created_elsewhere(facts, words)
    for name in sorted(places.keys() | created.keys()):
        yield Seen(name, tuple(places.get(name, ())), created.get(name))


def _created_elsewhere(facts: Facts, words: Vocabulary) -> dict[str, tuple[FileFact, int]]:
    """Tables that PHP makes, or SQL files outside the folder that the migration command applies."""
    found: dict[str, tuple[FileFact, int]] = {}
    for file, php in data_code(facts):
        for site in php.access if not words.ignored(file.path) else ():
            for name in map(folded, site.tables) if site.kind == "create" else ():
                if not name.startswith(_SYSTEM):
                    found.setdefault(name, (file, site.line))
    for file in facts.files if any(blob.sql for blob in facts.blobs.values()) else ():
        if not file.path.lower().endswith(".sql") or file.path.startswith(words.migrations) or words.ignored(file.path):
            continue
        blob = facts.blobs.get(file.blob) if file.skipped is None else None
        for statement in blob.sql if blob is not None else ():
            if statement.kind == "create_table" and statement.table and not statement.table.startswith(_SYSTEM):
                found.setdefault(statement.table, (file, statement.line))
    return found


def _bundle(facts: Facts, words: Vocabulary) -> tuple[FileFact, Mark] | None:
    held = content(facts, "config/bundles.php")
    if held is not None and held[1].php is not None:
        for mark in held[1].php.bundles:
            if mark.name.lower() == words.bundle.lower() and "all" in mark.detail.split(","):
                return held[0], mark
    return None


def _link(table: Table) -> bool:
    """Whether it only joins other tables: keys of others, and nothing of its own but an order or an id."""
    own = [c for c in table.columns.values() if not c.references and c.name not in ("id", "position", "ordre", "rang")]
    joined = [c for c in table.columns.values() if c.references]
    named = [c for c in own if c.name.endswith("_id")]
    return len(joined) + len(named) >= _LINK_MIN and len(own) == len(named)
