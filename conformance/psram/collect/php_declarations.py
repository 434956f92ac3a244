"""A PHP file's own structure: namespaces, classes with traits, parents and attributes, bundles, strict types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from psram.collect import php_bundles
from psram.collect.php_names import Names, text
from psram.collect.php_tree import Extractor, PhpFile
from psram.facts import Declaration, Mark

_KINDS: Final = {
    "class_declaration": "class",
    "interface_declaration": "interface",
    "trait_declaration": "trait",
    "enum_declaration": "enum",
}


def _namespace(file: PhpFile, node: Node) -> None:
    file.names.enter(text(node.child_by_field_name("name")))
    file.state.setdefault("namespaces", []).append(file.names.namespace)


def _use(file: PhpFile, node: Node) -> None:
    file.names.add_use(node)


def _function(file: PhpFile, node: Node) -> None:
    file.state["functions"] = True


def _class(file: PhpFile, node: Node) -> None:
    file.state.setdefault("declarations", []).append(_declaration(node, file.names))


def _finish(file: PhpFile) -> None:
    declarations = file.state.get("declarations", [])
    file.fields |= {
        "strict_types": _strict_types(file.root),
        "only_data": not declarations and "functions" not in file.state,
        "namespaces": tuple(file.state.get("namespaces", [])),
        "declarations": tuple(declarations),
        "bundles": tuple(php_bundles.bundles(file.root, file.names)),
    }


def _declaration(node: Node, names: Names) -> Declaration:
    named = node.child_by_field_name("name") or node
    parents = [
        names.resolve(text(c))
        for clause in node.named_children
        if clause.type in ("base_clause", "class_interface_clause")
        for c in clause.named_children
    ]
    return Declaration(
        name=names.resolve("namespace\\" + text(named)),
        kind=_KINDS[node.type],
        line=named.start_point.row + 1,
        namespace=names.namespace,
        traits=tuple(_traits(node, names.resolve)),
        parents=tuple(parents),
        attributes=tuple(_attributes(node, names)),
    )


def _attributes(node: Node, names: Names) -> Iterator[Mark]:
    listed = node.child_by_field_name("attributes")
    groups = [] if listed is None else [a for g in listed.named_children for a in g.named_children]
    for attribute in groups:
        if attribute.type != "attribute":
            continue
        name = next((text(c) for c in attribute.named_children if c.type.endswith("name")), "")
        detail = text(attribute.child_by_field_name("parameters"))[:300]
        yield Mark(line=attribute.start_point.row + 1, kind="attribute", name=names.resolve(name), detail=detail)
    before = node.prev_named_sibling
    if before is not None and before.type == "comment" and re.search(r"@(ORM\\)?Entity\b", text(before)):
        yield Mark(line=node.start_point.row + 1, kind="annotation", name="Doctrine\\ORM\\Mapping\\Entity")


def _traits(node: Node, resolve: Callable[[str], str]) -> Iterator[str]:
    body = node.child_by_field_name("body")
    for member in [] if body is None else body.named_children:
        if member.type == "use_declaration":
            for named in member.named_children:
                if named.type in ("name", "qualified_name"):
                    yield resolve(text(named))


def _strict_types(root: Node) -> bool:
    statements = (c for c in root.named_children if c.type not in ("php_tag", "comment", "text_interpolation"))
    first = next(statements, None)
    if first is None or first.type != "declare_statement":
        return False
    return re.search(r"strict_types\s*=\s*1\b", text(first)) is not None


EXTRACTOR: Final = Extractor(
    nodes={
        "namespace_definition": _namespace,
        "namespace_use_declaration": _use,
        "function_definition": _function,
        **dict.fromkeys(_KINDS, _class),
    },
    finish=_finish,
)
