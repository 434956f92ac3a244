"""Entries of ``return [Some\\Bundle::class => ['all' => true]];`` (``config/bundles.php``), as Symfony reads them.

``detail`` of a ``bundle`` mark lists the environments in which it is on. Symfony asks for the environment's own key,
then for ``all``: where ``prod`` is written and is not true, ``all`` is not listed, and ``prod?`` says that it is not a
literal. A list that cannot be trusted to be the whole one (another ``return`` before it, something unpacked into it)
gives a mark ``bundle-hidden`` besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from psram.collect.php_below import below
from psram.collect.php_names import Names, text
from psram.facts import Mark

_MAX_LISTED: Final = 500
_OFF: Final = re.compile(r"\\?false|0|''|\"\"", re.IGNORECASE)
_ON: Final = re.compile(r"\\?true|[1-9][0-9]*", re.IGNORECASE)
_LEAVES: Final = ("return_statement", "exit_statement")
_NULL: Final = re.compile(r"\\?null", re.IGNORECASE)
"""What ``??`` passes over."""


def bundles(root: Node, names: Names) -> Iterator[Mark]:
    """The file's bundles, each once with what counts for PHP: the last entry of that key."""
    returned = next((c for c in root.named_children if c.type == "return_statement"), None)
    table = returned.named_children[0] if returned is not None and returned.named_children else None
    if returned is None or table is None or table.type != "array_creation_expression":
        return
    listed: dict[str, Mark] = {}
    unpacked = 0
    for element in table.named_children[:_MAX_LISTED]:
        if element.type == "variadic_unpacking" or any(c.type == "variadic_unpacking" for c in element.named_children):
            unpacked = element.start_point.row + 1
        elif element.type == "array_element_initializer" and element.named_children:
            key, *values = element.named_children
            if name := _class(key, names):
                listed[name] = Mark(element.start_point.row + 1, "bundle", name, _environments(values))
    hidden = listed and (unpacked or _leaves_before(root, returned))
    if hidden:
        yield Mark(hidden, "bundle-hidden")
    yield from listed.values()


def _leaves_before(root: Node, returned: Node) -> int:
    """The line of a statement that can end the file before this ``return``; 0 when there is none."""
    for statement in root.named_children:
        if statement.start_byte >= returned.start_byte:
            return 0
        found = below(statement, _LEAVES)
        if found is None or found:
            return statement.start_point.row + 1
    return 0


def _class(key: Node, names: Names) -> str:
    if key.type == "class_constant_access_expression" and key.named_children:
        return names.resolve(text(key.named_children[0]))
    if key.type in ("string", "encapsed_string"):
        written = text(key)[1:-1].replace("\\\\", "\\").lstrip("\\")
        return written if written.endswith("Bundle") and "\\" in written else ""
    return ""


def _environments(values: list[Node]) -> str:
    held = dict(_pairs(values[0])) if values else {}
    on = {name for name, value in held.items() if _ON.fullmatch(value)}
    own = held.get("prod")
    if own is not None and not _NULL.fullmatch(own) and "prod" not in on:
        on.discard("all")
        if not _OFF.fullmatch(own):
            on.add("prod?")
    return ",".join(sorted(on))


def _pairs(table: Node) -> Iterator[tuple[str, str]]:
    """Keys and values as they are written, comments left out."""
    if table.type != "array_creation_expression":
        return
    for element in table.named_children:
        parts = [part for part in element.named_children if part.type != "comment"]
        if element.type == "array_element_initializer" and len(parts) == 2:  # noqa: PLR2004  a key and its value
            yield text(parts[0]).strip("'\""), text(parts[1])
