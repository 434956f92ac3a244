"""Facts of what a PHP file writes into logs: the keys of each message's context, and the names of what is put into it.

Only names are known, not values: a variable, a property, a method without argument (``getNir()`` is « nir »). What a
function makes of its arguments is its own, but for those that only lay texts out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile, function_calls

_MAX_KEYS: Final = 200
_MAX_ARGUMENTS: Final = 4
_LEVELS: Final = frozenset({"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug", "log"})
_LOGGER: Final = re.compile(rb"(?i)log(?:ger)?(?:\(\))?$")
_FUNCTIONS: Final = frozenset({"error_log", "syslog"})
_LAYING_OUT: Final = frozenset(
    {
        *("sprintf", "vsprintf", "implode", "join", "trim", "strtoupper", "strtolower", "ucfirst", "ucwords", "strval"),
        *("json_encode", "print_r", "var_export", "str_replace", "number_format"),
    }
)
_KEYS: Final = ("string", "encapsed_string")
_GETTER: Final = re.compile(r"get(?=[A-Z_])_?")
_TEXTS: Final = frozenset(
    {
        *("encapsed_string", "heredoc", "heredoc_body", "parenthesized_expression", "cast_expression", "argument"),
        *("arguments", "array_creation_expression", "array_element_initializer"),
    }
)
_ACCESSES: Final = ("member_access_expression", "nullsafe_member_access_expression")
_CALLS: Final = ("member_call_expression", "nullsafe_member_call_expression")


def _call(file: PhpFile, node: Node) -> None:
    name, owner = node.child_by_field_name("name"), node.child_by_field_name("object")
    if name is None or owner is None or text(name) not in _LEVELS:
        return
    if _LOGGER.search(file.content[max(owner.start_byte, owner.end_byte - 40) : owner.end_byte]):
        _written(file, node)


def _function(file: PhpFile, node: Node) -> None:
    if file.called(node) in _FUNCTIONS:
        _written(file, node)


def _written(file: PhpFile, call: Node) -> None:
    listed = call.child_by_field_name("arguments")
    for argument in () if listed is None else listed.named_children[:_MAX_ARGUMENTS]:
        value = argument.named_children[-1] if argument.named_children else argument
        if value.type != "array_creation_expression":
            _pieces(file, value, "")
            continue
        for element in value.named_children[:_MAX_KEYS]:
            _pieces(file, element.named_children[-1] if element.named_children else element, _key(file, element))


def _key(file: PhpFile, element: Node) -> str:
    pair = element.named_children
    if element.type != "array_element_initializer" or len(pair) <= 1 or pair[0].type not in _KEYS:
        return ""
    key = text(pair[0]).strip("'\"")[:80]
    file.mark(element, "log-key", key)
    return key


def _pieces(file: PhpFile, value: Node, key: str) -> None:
    """Mark the names of what is laid into a text; ``key`` is said already."""
    for node, name in _named(file, value):
        if name and name != key:
            file.mark(node, "log-key", name[:80])


def _named(file: PhpFile, value: Node) -> Iterator[tuple[Node, str]]:
    waiting = [value]
    for _ in range(_MAX_KEYS):
        if not waiting:
            return
        node = waiting.pop()
        match node.type:
            case "variable_name":
                yield node, text(node)[1:]
            case kind if kind in _ACCESSES:
                yield node, text(node.child_by_field_name("name"))
            case kind if kind in _CALLS:
                given = node.child_by_field_name("arguments")
                if given is not None and not given.named_children:
                    yield node, _property(text(node.child_by_field_name("name")))
            case "subscript_expression":
                yield node, text(node.named_children[-1]).strip("'\"") if node.named_child_count > 1 else ""
            case "binary_expression" if text(node.child_by_field_name("operator")) in (".", "??"):
                waiting += node.named_children[::-1]
            case "conditional_expression":
                waiting += node.named_children[:0:-1]
            case "function_call_expression" if file.called(node) in _LAYING_OUT:
                waiting += node.named_children[:0:-1]
            case kind if kind in _TEXTS:
                waiting += node.named_children[::-1]
            case _:
                pass


def _property(method: str) -> str:
    bare = _GETTER.sub("", method, count=1) if _GETTER.match(method) else method
    return bare[:1].lower() + bare[1:]


EXTRACTOR: Final = Extractor(
    nodes_if={
        rb"(?i)log(?:ger)?(?:\(\))?[\x00-\x20\x80-\xff]*(?:\??->|[/#])": dict.fromkeys(_CALLS, _call),
    },
    nodes_at={function_calls(_FUNCTIONS): {"function_call_expression": _function}},
)
