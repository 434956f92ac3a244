"""The map of personal data: what attributes and the map file say of each persistent property.

Shared by the rules of the RGPD family. The file is YAML, ``App\\Entity\\Agent: {nom: {categorie: identite,
conservation: P5Y}}``; ``categorie: aucune`` with a ``raison`` says that there is none, ``'*'`` speaks for the rest.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from psram.checks.common import data
from psram.facts import Facts, Mark, Member
from psram.index import data_code
from psram.model import Finding

NONE: Final = "aucune"
_MAPPING: Final = "Doctrine\\ORM\\Mapping\\"
_NOT_COUNTED: Final = frozenset(
    _MAPPING + name for name in ("ManyToOne", "OneToOne", "OneToMany", "ManyToMany", "GeneratedValue")
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMED: Final = re.compile(r"""(\w+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""")
_PLAIN: Final = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_ENTRY: Final = re.compile(r"\\?([\w\\]+)\.(\w+|\*)\.(categorie|conservation|raison)")
_KEYS: Final = ("category", "retention")


class Classification(NamedTuple):
    """What is said of a property: ``category`` is « aucune » where it holds no personal data."""

    category: str
    retention: str = ""
    reason: str = ""


def counted(member: Member) -> bool:
    """Whether it must be classified: associations are where they lead, generated identifiers are nobody's."""
    return not any(a.name in _NOT_COUNTED for a in member.attributes)


def by_attribute(attributes: Collection[Mark], params: Mapping[str, Any]) -> Classification | None:
    """What the Starter Kit's attributes say, ``None`` when there is none of them."""
    for attribute in attributes:
        if attribute.name == params["personal"]:
            said = _arguments(attribute.detail, _KEYS)
            return Classification(said.get("category", ""), said.get("retention", ""))
        if attribute.name == params["none"]:
            return Classification(NONE, reason=_arguments(attribute.detail, ("reason",)).get("reason", ""))
    return None


def _arguments(written: str, names: tuple[str, ...]) -> dict[str, str]:
    """The literal arguments of an attribute, by name; those without name in the order of ``names``."""
    named = {found[1]: found[2] or found[3] or "" for found in _NAMED.finditer(written)}
    plain = [found[1] or found[2] or "" for found in _PLAIN.finditer(_NAMED.sub("", written))]
    return {**dict(zip(names, plain, strict=False)), **named}


def by_file(facts: Facts, path: str) -> dict[tuple[str, str], Classification]:
    """(class, property) → what the map file says of it."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for _file, content in data(facts, path):
        for entry in content.entries:
            parts = _ENTRY.fullmatch(entry.path)
            if parts is not None:
                found.setdefault((parts[1], parts[2]), {})[parts[3]] = entry.value.strip()
    return {
        key: Classification(said.get("categorie", ""), said.get("conservation", ""), said.get("raison", ""))
        for key, said in found.items()
    }


def file_problems(facts: Facts, path: str) -> Iterator[Finding]:
    """Why the map file cannot be read, or which of its entries speak of nothing."""
    known = {(m.owner, m.name) for _file, php in data_code(facts) for m in php.members}
    known |= {(owner, "*") for owner, _name in known}
    for file, content in data(facts, path):
        if content.problem:
            yield Finding(f"carte des données illisible : {content.problem}", file.path, content.problem_line)
        seen: set[tuple[str, str]] = set()
        for entry in content.entries:
            parts = _ENTRY.fullmatch(entry.path)
            if parts is None:
                said = "une entrée n'a pas la forme « Classe: {propriété: {categorie: …}} »"
                yield Finding(f"carte des données : {said}", file.path, entry.line)
            elif (parts[1], parts[2]) not in known | seen:
                seen.add((parts[1], parts[2]))
                yield Finding(f"carte des données : {parts[1]}::{parts[2]} n'existe pas", file.path, entry.line)


def telling(name: str, known: Collection[str]) -> str:
    """The word of a property's name that speaks of a person; empty when there is none."""
    words = [word.lower() for word in _WORD.findall(name)]
    joined = [*words, *(a + b for a, b in itertools.pairwise(words))]
    return next((word for word in joined if word in known), "")


def personal_names(facts: Facts, params: Mapping[str, Any], path: str) -> frozenset[str]:
    """Names of the properties that the map says personal; free texts left out, whose names say nothing."""
    told = by_file(facts, path)
    found = set()
    for _file, php in data_code(facts):
        for member in php.members:
            said = by_attribute(member.attributes, params) or told.get((member.owner, member.name))
            if said is not None and said.category not in (NONE, "", "texte_libre", "autre"):
                found.add(member.name)
    return frozenset(found)
