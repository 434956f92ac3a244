"""Where a PHP node stands: its ancestors, its function, the comment above it. Bounded, whatever the depth of the tree.

tree-sitter finds a node's parent by descending from the root, so that climbing is quadratic on long chains of calls:
ancestors are therefore read once, on the way down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import PhpFile

MAX_DEPTH: Final = 500
NEAR_BYTES: Final = 10_000
_COMMENT_LINE: Final = re.compile(rb"^\s*(?://|#(?!\[)|/?\*)")
_MAX_COMMENT_LINES: Final = 40
_STATEMENTS: Final = frozenset(
    {"expression_statement", "return_statement", "echo_statement", "namespace_use_declaration"}
)
_FUNCTIONS: Final = frozenset({"method_declaration", "function_definition"})
_CLASSES: Final = frozenset({"class_declaration", "trait_declaration", "enum_declaration"})


@dataclass(slots=True)
class Place:
    """A node with its ancestors, the root first."""

    file: PhpFile
    node: Node
    above: list[Node]

    @property
    def parent(self) -> Node | None:
        """The node that holds it."""
        return self.above[-1] if self.above else None

    def outward(self) -> Place | None:
        """The place of its parent."""
        return Place(self.file, self.above[-1], self.above[:-1]) if self.above else None

    def nearest(self, kinds: frozenset[str]) -> Node | None:
        """The closest of its ancestors of these kinds."""
        return next((node for node in reversed(self.above) if node.type in kinds), None)

    def source(self, start: int, end: int) -> str:
        """A stretch of the file as text."""
        return self.file.content[start:end].decode("utf-8", "replace")

    def around(self) -> str:
        """The source of the function that holds the node, as far as it is near."""
        body = self.nearest(_FUNCTIONS)
        start, end = (0, len(self.file.content)) if body is None else (body.start_byte, body.end_byte)
        return self.source(max(start, self.node.start_byte - NEAR_BYTES), min(end, self.node.end_byte + NEAR_BYTES))

    def symbol(self) -> str:
        """``Namespace\\Class::method`` that holds the node; empty at the top of a file."""
        owners = (self.nearest(_CLASSES), self.nearest(_FUNCTIONS))
        names = [text(n.child_by_field_name("name")) for n in owners if n is not None]
        return self.file.names.resolve("namespace\\" + "::".join(names))[:200] if names else ""

    def said(self, pattern: re.Pattern[bytes], line: int) -> str:
        """The first group of a pattern found in the comment on the statement, or just above it."""
        first = (self.nearest(_STATEMENTS) or self.node).start_point.row
        lines = self.file.lines
        while first > 0 and _COMMENT_LINE.match(lines[first - 1]) and line - first < _MAX_COMMENT_LINES:
            first -= 1
        found = pattern.search(b"\n".join(lines[first:line])[:4000])
        return "" if found is None else found[1].decode("utf-8", "replace").removesuffix("*/").strip()[:200]


def at(file: PhpFile, start: int, end: int) -> Place | None:
    """The smallest named node over these bytes; ``None`` when it lies deeper than :data:`MAX_DEPTH`."""
    cursor = file.root.walk()
    above: list[Node] = []
    current = file.root
    while len(above) < MAX_DEPTH:
        if cursor.goto_first_child_for_byte(start) is None:
            return Place(file, current, above)
        below = cursor.node
        if below is None or below.start_byte > start or below.end_byte < end or not below.is_named:
            return Place(file, current, above)
        above.append(current)
        current = below
    return None
