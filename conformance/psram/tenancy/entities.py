"""Entities of an application and how each relates to organisations; shared by the rules of the MTN family."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from psram.facts import Declaration, Facts, FileFact, Kind, PhpFacts
from psram.memo import of_facts
from psram.roles import Role, roles

ENTITY: Final = "Doctrine\\ORM\\Mapping\\Entity"
_TABLE: Final = "Doctrine\\ORM\\Mapping\\Table"
_NAMED: Final = re.compile(r"""(?:name\s*:\s*|^\(\s*)['"]([^'"]{1,100})['"]""")
_MAX_PARENTS: Final = 50


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
        for attribute in self.declaration.attributes:
            named = _NAMED.search(attribute.detail) if attribute.name == _TABLE else None
            if named is not None:
                return (named[1].lower().rpartition(".")[2],)
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.short).lower()
        return (snake,) if snake == self.short.lower() else (snake, self.short.lower())


def php_files(facts: Facts) -> Iterator[tuple[FileFact, PhpFacts]]:
    """PHP files whose facts are known, in order of path."""
    return iter(_php_files(facts))


@of_facts
def _php_files(facts: Facts) -> tuple[tuple[FileFact, PhpFacts], ...]:
    return tuple(_known(facts))


def _known(facts: Facts) -> Iterator[tuple[FileFact, PhpFacts]]:
    for file in facts.files:
        if file.kind in (Kind.LINK, Kind.SUBMODULE) or file.skipped or Role.PHP not in roles(file.path):
            continue  # the same content may lie under a name that PHP does not read
        blob = facts.blobs.get(file.blob)
        if blob is not None and blob.php is not None and not blob.php.has_error:
            yield file, blob.php


def entities(facts: Facts) -> Iterator[Entity]:
    """Classes that Doctrine persists, tests and fixtures left out."""
    return iter(_entities(facts))


@of_facts
def _entities(facts: Facts) -> tuple[Entity, ...]:
    return tuple(_persisted(facts))


def _persisted(facts: Facts) -> Iterator[Entity]:
    for file, php in php_files(facts):
        if file.path.startswith("tests/"):
            continue
        for declaration in php.declarations:
            if declaration.kind == "class" and any(a.name == ENTITY for a in declaration.attributes):
                yield Entity(file, declaration)


class Classes:
    """All classes and traits of the application, to follow inheritance."""

    def __init__(self, facts: Facts) -> None:
        self._known = {d.name.lower(): d for _file, php in php_files(facts) for d in php.declarations}

    def uses(self, declaration: Declaration, trait: str) -> bool:
        """Whether the class uses the trait, itself, through a parent class or through another trait."""
        waiting, seen = [declaration], set[str]()
        while waiting and len(seen) < _MAX_PARENTS:
            current = waiting.pop()
            seen.add(current.name)
            for name in (*current.traits, *current.parents):
                if name.lower() == trait.lower():
                    return True
                known = self._known.get(name.lower())
                if known is not None and known.name not in seen:
                    waiting.append(known)
        return False
