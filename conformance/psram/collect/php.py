"""Facts of a PHP file by tree-sitter. Its grammar accepts more than PHP does: the syntax verdict is not made here.

A file is parsed once and its nodes are visited once, by all extractors together; to add one, read
:mod:`psram.collect.php_tree` and add a line to :data:`EXTRACTORS`. A file with an error gets no other fact than the
error's line: queries on broken trees are quadratic.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from typing import Final

from tree_sitter import Node, Parser, Query, QueryCursor

from psram.collect import (
    php_access,
    php_crypto,
    php_declarations,
    php_guarded,
    php_indirect,
    php_logs,
    php_members,
    php_sites,
    php_trials,
    php_types,
    php_values,
    php_web,
)
from psram.collect.php_below import language, query
from psram.collect.php_tree import PhpFile
from psram.facts import PhpFacts

EXTRACTORS: Final = (
    php_declarations.EXTRACTOR,  # first: the others ask for the namespace and imports that it enters
    php_sites.EXTRACTOR,
    php_indirect.EXTRACTOR,
    php_guarded.EXTRACTOR,
    php_types.EXTRACTOR,
    php_members.EXTRACTOR,
    php_crypto.EXTRACTOR,
    php_web.EXTRACTOR,
    php_logs.EXTRACTOR,
    php_access.EXTRACTOR,
    php_trials.EXTRACTOR,
)
MAX_NESTING: Final = 500
_PLACE: Final = operator.attrgetter("byte_range")
"""Captures come in no order of their own: by place, so that the same content always gives the same facts. No two of
the kinds that are asked for can have the same place: each has words or signs of its own around what it holds.
"""
_BRACKETS: Final = re.compile(rb"[\[\](){}]")


@functools.cache
def _tools() -> tuple[Parser, Query]:
    return Parser(language()), query(tuple(_visitors()))


@functools.cache
def _visitors() -> dict[str, tuple[Callable[[PhpFile, Node], None], ...]]:
    kinds = dict.fromkeys(kind for extractor in EXTRACTORS for kind in extractor.nodes)
    return {kind: tuple(e.nodes[kind] for e in EXTRACTORS if kind in e.nodes) for kind in kinds}


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
    try:
        return _visited(PhpFile(content, root), sorted(nodes, key=_PLACE))
    finally:
        php_values.forget()


def _visited(file: PhpFile, nodes: list[Node]) -> PhpFacts:
    visitors = _visitors()
    for node in nodes:
        for visit in visitors[node.type]:
            visit(file, node)
        if file.flooded:  # what would come after could be hidden: nothing is known of such a file
            return PhpFacts(has_error=True, error_line=node.start_point.row + 1)
    for extractor in EXTRACTORS:
        if extractor.finish is not None:
            extractor.finish(file)
    return PhpFacts(marks=tuple(sorted(file.marks)), sql=tuple(file.sql), **file.fields)


def too_deep(content: bytes) -> int:
    """The line where brackets nest beyond :data:`MAX_NESTING`, 0 when they do not."""
    if sum(map(content.count, (b"(", b"[", b"{"))) <= MAX_NESTING:
        return 0  # nearly all files, at once
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
