"""Facts of what a PHP file writes into logs: the keys of each message's context."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile

_MAX_KEYS: Final = 200
_LEVELS: Final = frozenset({"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug", "log"})
_LOGGER: Final = re.compile(rb"(?i)log(?:ger)?(?:\(\))?$")


def _call(file: PhpFile, node: Node) -> None:
    name, owner = node.child_by_field_name("name"), node.child_by_field_name("object")
    if name is None or owner is None or text(name) not in _LEVELS:
        return
    if not _LOGGER.search(file.content[max(owner.start_byte, owner.end_byte - 40) : owner.end_byte]):
        return
    listed = node.child_by_field_name("arguments")
    for argument in () if listed is None else listed.named_children[1:4]:
        value = argument.named_children[-1] if argument.named_children else argument
        if value.type == "array_creation_expression":
            for element in value.named_children[:_MAX_KEYS]:
                _key(file, element)


def _key(file: PhpFile, element: Node) -> None:
    pair = element.named_children
    if element.type == "array_element_initializer" and len(pair) > 1 and pair[0].type in ("string", "encapsed_string"):
        file.mark(element, "log-key", text(pair[0]).strip("'\"")[:80])


EXTRACTOR: Final = Extractor(
    nodes_if={
        rb"(?i)log(?:ger)?(?:\(\))?[\x00-\x20\x80-\xff]*(?:\??->|[/#])": dict.fromkeys(
            ("member_call_expression", "nullsafe_member_call_expression"), _call
        )
    }
)
