"""Variables of PHP: what a function assigns to them, binds to them and does with them."""

from __future__ import annotations

import functools
import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_below import below
from psram.collect.php_names import text

_SHARING: Final = ("argument", "reference_assignment_expression", "by_ref")
_BINDING: Final = (
    *("assignment_expression", "augmented_assignment_expression", "reference_assignment_expression"),
    *("global_declaration", "simple_parameter", "foreach_statement"),
)
_REMEMBERED: Final = 512  # a long function asks for the same variables again and again; see forget()
_READING_CALLS: Final = frozenset({"isset", "count", "in_array", "array_key_exists", "array_keys", "implode", "empty"})
_FUNCTIONS: Final = frozenset(
    {"method_declaration", "function_definition", "anonymous_function", "arrow_function", "program"}
)


def forget() -> None:
    """Once a file is done: what was remembered of it would keep its tree alive."""
    below.cache_clear()
    _assigned.cache_clear()
    looks_up.cache_clear()
    handed_over.cache_clear()


def scope(node: Node) -> Node:
    """The function that holds the node, or the whole file."""
    current = node
    while current.parent is not None and current.type not in _FUNCTIONS:
        current = current.parent
    return current


def assignments(node: Node, name: str) -> list[Node] | None:
    """Right-hand sides of all assignments to ``name`` in the node's function.

    Empty when it also comes from outside, ``None`` when the function is too long to be followed.
    """
    found = _assigned(scope(node), name)
    return None if found is None else list(found)


@functools.lru_cache(_REMEMBERED)
def _assigned(function: Node, name: str) -> tuple[Node, ...] | None:
    looked = below(function, _BINDING)
    if looked is None:
        return None
    found: list[Node] = []
    for current in looked:
        match current.type:
            case "assignment_expression" | "augmented_assignment_expression":
                left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
                if right is not None and _written(left) == name:
                    found.append(right)
                elif (
                    left is not None
                    and left.type in ("list_literal", "array_creation_expression")
                    and _holds(left, name)
                ):
                    return ()
            case "reference_assignment_expression" | "global_declaration" if _holds(current, name):
                return ()
            case "simple_parameter" if text(current.child_by_field_name("name")) == name:
                return ()
            case "foreach_statement" if _binds(current, name):
                iterated = current.named_children[0]
                if _is_position(current, name, iterated):
                    found.append(current)
                    continue
                if iterated.type not in ("array_creation_expression", "class_constant_access_expression"):
                    return ()
                found.append(iterated)
            case _:
                pass
    return tuple(found)


def written(node: Node, name: str) -> list[Node]:
    """Right-hand sides of the assignments to ``name`` in the node's function, its parameters left out."""
    found = below(scope(node), ("assignment_expression", "augmented_assignment_expression")) or ()
    rights = (a.child_by_field_name("right") for a in found if _written(a.child_by_field_name("left")) == name)
    return [right for right in rights if right is not None]


def parameter_type(node: Node, name: str) -> str:
    """The type that the node's function gives to its parameter of that name; empty when it gives none."""
    listed = scope(node).child_by_field_name("parameters")
    parameters: list[Node] = [] if listed is None else listed.named_children
    for parameter in parameters:
        if text(parameter.child_by_field_name("name")) == name:
            return text(parameter.child_by_field_name("type"))
    return ""


@functools.lru_cache(_REMEMBERED)
def handed_over(function: Node, name: str) -> bool:
    """Whether a table is handed to a call that could fill it (``preg_match``), or shared by reference."""
    looked = below(function, _SHARING)
    if looked is None:
        return True
    for current in looked:
        if current.type == "argument" and text(current) == name:
            call = current.parent.parent if current.parent is not None else None
            called = text(call.child_by_field_name("function")).lower().lstrip("\\") if call is not None else ""
            if called not in _READING_CALLS:
                return True
        if current.type in ("reference_assignment_expression", "by_ref") and name in text(current)[:400]:
            return True
    return False


@functools.lru_cache(_REMEMBERED)
def looks_up(function: Node) -> bool:
    """Whether the function looks for anything in a list."""
    source = (function.text or b"").lower()
    return any(word in source for word in (b"in_array", b"key_exists", b"array_search", b"isset"))


def _written(left: Node | None) -> str:
    """The variable that this left-hand side writes, itself or one of its elements."""
    while left is not None and left.type == "subscript_expression" and left.named_children:
        left = left.named_children[0]
    return text(left)


def _holds(node: Node, name: str) -> bool:
    return re.search(re.escape(name) + r"\b", text(node)[:2000]) is not None


def _binds(loop: Node, name: str) -> bool:
    heads = [c for c in loop.named_children[1:] if c.type in ("variable_name", "pair", "by_ref", "list_literal")]
    return any(name in text(head) for head in heads)


def _is_position(loop: Node, name: str, iterated: Node) -> bool:
    """``foreach (array_values($x) as $position => …)``."""
    pair = next((c for c in loop.named_children[1:] if c.type == "pair"), None)
    listed = iterated.type == "function_call_expression" and text(iterated.child_by_field_name("function")).lower()
    return pair is not None and text(pair.named_children[0]) == name and listed in ("array_values", "\\array_values")
