"""Entities of an application, their tables, and the classes that they descend from."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from psram.facts import Declaration, Facts, FileFact, Mark
from psram.index import data_code, php_files
from psram.memo import of_facts

ENTITY: Final = "Doctrine\\ORM\\Mapping\\Entity"
MAPPINGS: Final = (".orm.xml", ".dcm.xml", ".orm.yml", ".orm.yaml", ".dcm.yml")
"""Files that describe entities in another way than the Starter Kit reads."""
_TABLE: Final = "Doctrine\\ORM\\Mapping\\Table"
_INHERITANCE: Final = "Doctrine\\ORM\\Mapping\\InheritanceType"
_NAMED: Final = re.compile(r"""(?:\bname\s*:\s*|^\(\s*)['"]([^'"]{1,100})['"]""")
_SCHEMA: Final = re.compile(r"""\bschema\s*:\s*['"]([^'"]{1,100})['"]""")
_REASON: Final = re.compile(r"""^\(\s*(?:reason\s*:\s*)?['"]([^'"]{3,})""")
_MAX_PARENTS: Final = 50
_QUERIES: Final = frozenset({"sql", "opaque", "table", "dql", "bulk", "flood"})


class Entity(NamedTuple):
    """A persistent class."""

    file: FileFact
    declaration: Declaration

    @property
    def short(self) -> str:
        """Its name without namespace."""
        return self.declaration.name.rpartition("\\")[2]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names that its table can have: the declared one, else those of Doctrine's naming strategies."""
        attribute = self.attribute(_TABLE)
        detail = "" if attribute is None else attribute.detail
        named, schema = _NAMED.search(detail), _SCHEMA.search(detail)
        if named is not None:
            written = f"{schema[1]}.{named[1]}" if schema is not None else named[1]
            return (folded(written),)
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.short).lower()
        return (snake,) if snake == self.short.lower() else (snake, self.short.lower())

    def attribute(self, name: str) -> Mark | None:
        """Its attribute of that class, or ``None``."""
        return next((a for a in self.declaration.attributes if a.name.lower() == name.lower()), None)

    def shared_reason(self, attribute: str) -> str | None:
        """Why all organisations share it; empty when no reason is given, ``None`` when it is not declared shared."""
        found = self.attribute(attribute)
        if found is None:
            return None
        reason = _REASON.match(found.detail)
        return reason[1] if reason is not None else ""


def folded(written: str) -> str:
    """A table's name as PostgreSQL folds it: back quotes keep capitals, ``public`` is taken off."""
    parts = [_part(part.strip()) for part in written.split(".")][-2:]
    return ".".join(part for i, part in enumerate(parts) if not (part == "public" and i < len(parts) - 1))


def _part(name: str) -> str:
    bare = name.strip('`"')
    if bare == name:
        return name.lower()
    return bare if re.fullmatch(r"[a-z_][a-z0-9_$]*", bare) else f'"{bare}"'


@of_facts
def entities(facts: Facts) -> tuple[Entity, ...]:
    """Classes that Doctrine persists, tests and fixtures left out."""
    return tuple(_persisted(facts))


def _persisted(facts: Facts) -> Iterator[Entity]:
    for file, php in php_files(facts):
        if file.path.startswith("tests/"):
            continue
        for declaration in php.declarations:
            persisted = declaration.attributes and any(a.name == ENTITY for a in declaration.attributes)
            if persisted and declaration.kind == "class":
                yield Entity(file, declaration)


@of_facts
def foreign_mappings(facts: Facts) -> tuple[FileFact, ...]:
    """Files that describe entities by XML or YAML."""
    named = (f for f in facts.files if f.path.lower().endswith(MAPPINGS))
    return tuple(file for file in named if not file.path.startswith("tests/"))


@of_facts
def places(facts: Facts) -> int:
    """How many places say that the application keeps data: entities, mappings, migrations, direct queries."""
    tables = (blob for blob in facts.blobs.values() if blob.sql and any(s.kind == "create_table" for s in blob.sql))
    files = sum(f.path.startswith("migrations/") and f.path.endswith(".sql") for f in facts.files)
    files = max(files, sum(1 for _ in tables))
    queries = sum(
        site.kind in _QUERIES
        for file, php in data_code(facts)
        if not file.path.startswith("tests/")
        for site in php.access
    )
    return len(entities(facts)) + len(foreign_mappings(facts)) + files + queries


class Classes:
    """All classes and traits of the application, to follow inheritance."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    @functools.cached_property
    def _known(self) -> dict[str, Declaration]:
        return {d.name.lower(): d for _file, php in php_files(self._facts) for d in php.declarations}

    def uses(self, declaration: Declaration, trait: str) -> bool:
        """Whether the class uses the trait, itself, through a parent class or through another trait."""
        return any(
            name.lower() == trait.lower()
            for current in self.ancestry(declaration)
            for name in (*current.traits, *current.parents)
        )

    def ancestry(self, declaration: Declaration) -> Iterator[Declaration]:
        """The class, then its parents and traits that the application itself declares."""
        waiting, seen = [declaration], set[str]()
        while waiting and len(seen) < _MAX_PARENTS:
            current = waiting.pop()
            if current.name.lower() in seen:
                continue
            seen.add(current.name.lower())
            yield current
            for name in (*current.traits, *current.parents):
                known = self._known.get(name.lower())
                if known is not None:
                    waiting.append(known)

    def tables(self, entity: Entity) -> tuple[str, ...]:
        """The entity's table: with inheritance in a single table, that of its root."""
        for ancestor in self.ancestry(entity.declaration):
            root = Entity(entity.file, ancestor)
            attribute = root.attribute(_INHERITANCE)
            if attribute is not None and "SINGLE_TABLE" in attribute.detail.upper():
                return root.tables
        return entity.tables
