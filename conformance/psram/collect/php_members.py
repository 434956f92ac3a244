"""Facts of a PHP file's persistent properties: what Doctrine maps, with the attributes that classify each.

Only files that speak of Doctrine's mapping are looked at; mapping by XML or YAML is not the Starter Kit's way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import Names, text
from psram.collect.php_tree import Extractor, PhpFile
from psram.facts import Mark, Member

_MAX_MEMBERS: Final = 1000
_MAPPING: Final = re.compile(rb"Doctrine\\+ORM\\+Mapping|@ORM\\|@Column\b")
_ANNOTATION: Final = re.compile(r"@(?:ORM\\)?(Column|Id|Embedded|ManyToOne|OneToOne|OneToMany|ManyToMany)\b")
_PREFIX: Final = "Doctrine\\ORM\\Mapping\\"
_OWNERS: Final = frozenset({"class_declaration", "trait_declaration"})


def _property(file: PhpFile, node: Node) -> None:
    members = _members(file)
    if members is None or len(members) >= _MAX_MEMBERS:
        return
    attributes = tuple(attribute_marks(node, file.names))
    before = node.prev_named_sibling
    if before is not None and before.type == "comment":
        line = before.start_point.row + 1
        attributes += tuple(
            Mark(line, "annotation", _PREFIX + found[1]) for found in _ANNOTATION.finditer(text(before)[:2000])
        )
    if not any(a.name.startswith(_PREFIX) for a in attributes):
        return
    kind = text(node.child_by_field_name("type"))[:100]
    named = [e for e in node.named_children if e.type == "property_element"] or [node]
    for element in named:
        name = text(element.child_by_field_name("name")).lstrip("$")[:100]
        members.append(Member(_owner(node, file.names), name, element.start_point.row + 1, kind, attributes))


def _members(file: PhpFile) -> list[Member] | None:
    """The list to add to; ``None`` when the file maps nothing."""
    if __name__ not in file.state:
        file.state[__name__] = [] if _MAPPING.search(file.content) else None
    found: list[Member] | None = file.state[__name__]
    return found


def attribute_marks(node: Node, names: Names) -> Iterator[Mark]:
    """The attributes of a declaration, names resolved; ``detail`` is the text of their arguments."""
    listed = node.child_by_field_name("attributes")
    groups = [] if listed is None else [a for g in listed.named_children for a in g.named_children]
    for attribute in groups[:50]:
        if attribute.type == "attribute":
            name = next((text(c) for c in attribute.named_children if c.type.endswith("name")), "")
            detail = text(attribute.child_by_field_name("parameters"))[:300]
            yield Mark(attribute.start_point.row + 1, "attribute", names.resolve(name), detail)


def _owner(node: Node, names: Names) -> str:
    current = node.parent
    while current is not None and current.type not in _OWNERS:
        current = current.parent
    return "" if current is None else names.resolve("namespace\\" + text(current.child_by_field_name("name")))


def _finish(file: PhpFile) -> None:
    members = file.state.get(__name__)
    if members:
        file.fields["members"] = tuple(members)


EXTRACTOR: Final = Extractor(
    nodes_if={_MAPPING.pattern: {"property_declaration": _property, "property_promotion_parameter": _property}},
    finish=_finish,
)
