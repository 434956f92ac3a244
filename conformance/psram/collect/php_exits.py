"""Places of a PHP file where it ends the request by an expression (``$x or exit``, ``die``), or dumps by VarDumper.

The grammar knows ``exit`` as a statement only: as an expression it is a name that is called, or a constant; ``die``
always is.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile
from psram.collect.sieve import words

_MAX_FOUND: Final = 500
_EXITS: Final = {
    # in lower case; a literal head is found fast
    rb"(?i)\bdie\b": re.compile(rb"die(?<![$:\\\w]die)(?<!->die)\b"),
    rb"(?i)\bexit\b": re.compile(rb"exit(?<![$:\\\w]exit)(?<!->exit)\b"),
}
_BARE_IN: Final = frozenset(
    {
        *("expression_statement", "binary_expression", "conditional_expression", "arrow_function"),
        *("match_conditional_expression", "match_default_expression", "parenthesized_expression"),
    }
)
_DUMPER: Final = "symfony\\component\\vardumper\\vardumper"


def _exits(file: PhpFile) -> None:
    for pattern, look in _EXITS.items():
        for found in itertools.islice(look.finditer(file.lower) if pattern in file.held else (), _MAX_FOUND):
            node = file.root.descendant_for_byte_range(found.start(), found.end())
            if node is None or node.type != "name" or node.parent is None:
                continue
            parent = node.parent
            called = parent.type == "function_call_expression" and parent.child_by_field_name("function") == node
            if called or parent.type in _BARE_IN:
                file.mark(node, "exit", "exit")


def _static(file: PhpFile, node: Node) -> None:
    if text(node.child_by_field_name("name")).lower() == "dump":
        owner = file.names.resolve(text(node.child_by_field_name("scope"))).lower()
        if owner == _DUMPER:
            file.mark(node, "call", "dump")


EXTRACTOR: Final = Extractor(
    nodes_if={words(b"vardumper"): {"scoped_call_expression": _static}},
    finish_if={rb"(?i)\b(?:die|exit)\b": _exits},
    asks=tuple(_EXITS),
)
