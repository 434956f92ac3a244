"""Facts of a PHP file by tree-sitter. Its grammar accepts more than PHP does: the syntax verdict is not made here.

A file with an error gets no other fact than the error's line: queries on broken trees are quadratic.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Final

import tree_sitter_php
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from psram.collect.php_names import Names, text
from psram.collect.php_sites import call_facts, die_marks, literal_marks, superglobal_marks
from psram.facts import Declaration, Mark, PhpFacts, SqlSite

MAX_NESTING: Final = 500
_MAX_MARKS: Final = 5000
_MAX_SITES: Final = 300
_BRACKETS: Final = re.compile(rb"[\[\](){}]")
_QUERY: Final = """
[
  (namespace_definition) (namespace_use_declaration)
  (class_declaration) (interface_declaration) (trait_declaration) (enum_declaration) (function_definition)
  (function_call_expression) (member_call_expression) (nullsafe_member_call_expression) (scoped_call_expression)
  (object_creation_expression) (error_suppression_expression) (shell_command_expression) (exit_statement)
  (global_declaration) (goto_statement)
  (include_expression) (include_once_expression) (require_expression) (require_once_expression)
] @node
"""
_DECLARATIONS: Final = {
    "class_declaration": "class",
    "interface_declaration": "interface",
    "trait_declaration": "trait",
    "enum_declaration": "enum",
}


@functools.cache
def _tools() -> tuple[Parser, Query]:
    language = Language(tree_sitter_php.language_php())
    return Parser(language), Query(language, _QUERY)


def facts(content: bytes) -> PhpFacts:
    """The facts of a PHP file of any content; never raises."""
    deep_line = too_deep(content)
    if deep_line:
        return PhpFacts(has_error=True, error_line=deep_line)
    parser, query = _tools()
    root = parser.parse(content).root_node
    if root.has_error:
        return PhpFacts(has_error=True, error_line=_error_line(root))
    nodes = QueryCursor(query).captures(root).get("node", [])
    return _Collector(content, root).run(sorted(nodes, key=lambda n: n.start_byte))


def too_deep(content: bytes) -> int:
    """The line where brackets nest beyond :data:`MAX_NESTING`, 0 when they do not."""
    depth = 0
    for found in _BRACKETS.finditer(content):
        if found[0] in b"[({":
            depth += 1
            if depth > MAX_NESTING:
                return content.count(b"\n", 0, found.start()) + 1
        elif depth:
            depth -= 1
    return 0


def _error_line(root: Node) -> int:
    """The line of the first error, by descending where errors are: linear, unlike a query."""
    node = root
    while True:
        if node.is_error or node.is_missing:
            return node.start_point.row + 1
        below = next((c for c in node.children if c.has_error or c.is_missing), None)
        if below is None:
            return node.start_point.row + 1
        node = below


class _Collector:
    """Walks the captured nodes once, in order, so that imports precede what they name."""

    def __init__(self, content: bytes, root: Node) -> None:
        self._content = content
        self._root = root
        self._lines = content.split(b"\n")
        self._names = Names()
        self._namespaces: list[str] = []
        self._declarations: list[Declaration] = []
        self._marks: list[Mark] = []
        self._sql: list[SqlSite] = []
        self._functions = False

    def run(self, nodes: list[Node]) -> PhpFacts:
        for node in nodes:
            self._take(node)
            if len(self._sql) > _MAX_SITES or len(self._marks) > _MAX_MARKS:
                # What would come after could be hidden by the flood: nothing is known of such a file.
                return PhpFacts(has_error=True, error_line=node.start_point.row + 1)
        self._marks += superglobal_marks(self._content, self._root, self.excerpt)
        self._marks += die_marks(self._content, self._root, self.excerpt)
        self._marks += literal_marks(self._content, self._root, self.excerpt)
        return PhpFacts(
            strict_types=_strict_types(self._root),
            only_data=not self._declarations and not self._functions,
            namespaces=tuple(self._namespaces),
            declarations=tuple(self._declarations),
            marks=tuple(sorted(self._marks)),
            sql=tuple(self._sql),
            bundles=tuple(_bundles(self._root, self._names)),
        )

    def excerpt(self, line: int) -> str:
        """The line's text without spaces, for fingerprints."""
        return stripped(self._lines[line - 1]) if 0 < line <= len(self._lines) else ""

    def _take(self, node: Node) -> None:
        if node.type == "namespace_definition":
            self._names.enter(text(node.child_by_field_name("name")))
            self._namespaces.append(self._names.namespace)
        elif node.type == "namespace_use_declaration":
            self._names.add_use(node)
        elif node.type in _DECLARATIONS:
            self._declarations.append(self._declaration(node))
        elif node.type == "function_definition":
            self._functions = True
        else:
            marks, sites = call_facts(node, self._names, self.excerpt)
            self._marks += marks
            self._sql += sites

    def _declaration(self, node: Node) -> Declaration:
        resolve = self._names.resolve
        named = node.child_by_field_name("name") or node
        name = text(named)
        parents = [
            resolve(text(c))
            for clause in node.named_children
            if clause.type in ("base_clause", "class_interface_clause")
            for c in clause.named_children
        ]
        return Declaration(
            name=resolve("namespace\\" + name),
            kind=_DECLARATIONS[node.type],
            line=named.start_point.row + 1,
            namespace=self._names.namespace,
            traits=tuple(_traits(node, resolve)),
            parents=tuple(parents),
            attributes=tuple(self._attributes(node)),
        )

    def _attributes(self, node: Node) -> Iterator[Mark]:
        listed = node.child_by_field_name("attributes")
        groups = [] if listed is None else [a for g in listed.named_children for a in g.named_children]
        for attribute in groups:
            if attribute.type != "attribute":
                continue
            name = next((text(c) for c in attribute.named_children if c.type.endswith("name")), "")
            detail = text(attribute.child_by_field_name("parameters"))[:300]
            line = attribute.start_point.row + 1
            yield Mark(line=line, kind="attribute", name=self._names.resolve(name), detail=detail)
        before = node.prev_named_sibling
        if before is not None and before.type == "comment" and re.search(r"@(ORM\\)?Entity\b", text(before)):
            yield Mark(line=node.start_point.row + 1, kind="annotation", name="Doctrine\\ORM\\Mapping\\Entity")


def stripped(line: bytes) -> str:
    """A line's text without any white space, bounded."""
    return "".join(line[:2000].decode("utf-8", "replace").split())[:400]


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


def _bundles(root: Node, names: Names) -> Iterator[Mark]:
    """Entries of ``return [Some\\Bundle::class => ['all' => true]];``: the environments that are true."""
    returned = next((c for c in root.named_children if c.type == "return_statement"), None)
    if (
        returned is None
        or not returned.named_children
        or returned.named_children[0].type != "array_creation_expression"
    ):
        return
    for element in returned.named_children[0].named_children[:500]:
        if element.type != "array_element_initializer" or not element.named_children:
            continue
        key, *values = element.named_children
        if key.type == "class_constant_access_expression":
            name = names.resolve(text(key.named_children[0]))
            yield Mark(element.start_point.row + 1, "bundle", name, _environments(values))


def _environments(values: list[Node]) -> str:
    pairs = re.findall(r"""['"](\w+)['"]\s*=>\s*(\w+)""", text(values[0]) if values else "")
    return ",".join(sorted(env for env, on in pairs if on.lower() == "true"))
