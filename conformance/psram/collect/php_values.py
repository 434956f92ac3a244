"""What a PHP expression can hold: its literal text, and whether a value that is not constant is pasted into it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tree_sitter import Node

from psram.collect.php_names import text

MAX_TEXT: Final = 4000
_MAX_STEPS: Final = 400
_MAX_CHILDREN: Final = 2000
_NUMBER_CASTS: Final = re.compile(r"^(int|integer|bool|boolean|float|double)$", re.IGNORECASE)
# Calls whose result cannot carry an injection into SQL: quoting, numbers, lists of place-holders.
_SAFE_CALLS: Final = frozenset(
    {"intval", "floatval", "count", "quote", "quoteidentifier", "quotesingleidentifier", "getprojectdir"}
)
_SAFE_CALLS_OF_SAFE: Final = frozenset(
    {
        "implode",
        "join",
        "str_repeat",
        "array_fill",
        "rtrim",
        "ltrim",
        "trim",
        "sprintf",
        "strtolower",
        "strtoupper",
        "dirname",
        "realpath",
    }
)
_FUNCTIONS: Final = frozenset(
    {"method_declaration", "function_definition", "anonymous_function", "arrow_function", "program"}
)


class Value(NamedTuple):
    """``text`` is the literal part (``?`` where something is pasted); ``dynamic`` says that something is."""

    text: str
    dynamic: bool
    variable: str = ""


def value(node: Node, *, follow: bool = True) -> Value:
    """The value of an expression, local variables followed to what their function assigns to them."""
    return _Reader(follow).read(node)


class _Reader:
    def __init__(self, follow: bool) -> None:
        self._follow = follow
        self._seen: set[str] = set()
        self._steps = 0

    def read(self, node: Node) -> Value:
        parts: list[str] = []
        dynamic = ""
        stack = [node]
        while stack:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return Value("".join(parts)[:MAX_TEXT], True, dynamic or "…")
            current = stack.pop()
            children, literal, pasted = self._step(current)
            parts.append(literal)
            dynamic = dynamic or pasted
            stack.extend(reversed(children))
        return Value("".join(parts)[:MAX_TEXT], bool(dynamic), dynamic)

    def _step(  # noqa: PLR0911, PLR0912  one case a kind of expression
        self, node: Node
    ) -> tuple[list[Node], str, str]:
        """Children to read on, literal text, and the name of what is pasted."""
        match node.type:
            case "string_content" | "integer" | "float":
                return [], text(node), ""
            case "escape_sequence":
                return [], " ", ""
            case "name" | "qualified_name" | "boolean" | "null" | "class_constant_access_expression":
                return [], "", ""
            case "string" | "encapsed_string" | "heredoc" | "heredoc_body" | "nowdoc" | "nowdoc_body":
                return list(node.named_children), "", ""
            case "nowdoc_string":
                return [], text(node), ""
            case "binary_expression" | "parenthesized_expression" | "array_creation_expression":
                return list(node.named_children), "", ""
            case "array_element_initializer" | "argument" | "arguments" | "match_block":
                return list(node.named_children), "", ""
            case "heredoc_start" | "heredoc_end" | "comment":
                return [], "", ""
            case "conditional_expression":
                parts = [node.child_by_field_name("body"), node.child_by_field_name("alternative")]
                return [p for p in parts if p is not None], "", ""
            case "match_expression":
                block = node.child_by_field_name("body")
                arms = [] if block is None else block.named_children
                results = [a.child_by_field_name("return_expression") for a in arms]
                return [r for r in results if r is not None], "", ""
            case "cast_expression":
                kind = text(node.child_by_field_name("type")).strip()
                if _NUMBER_CASTS.match(kind):
                    return [], "?", ""
                return list(node.named_children)[-1:], "", ""
            case "function_call_expression" | "member_call_expression" | "nullsafe_member_call_expression":
                return self._call(node)
            case "scoped_call_expression":
                return self._call(node)
            case "variable_name":
                return self._variable(node)
            case "member_access_expression" if _of_a_constant(node):  # Statut::Ouvert->value
                return [], "", ""
            case "assignment_expression":
                right = node.child_by_field_name("right")
                return ([right] if right is not None else []), "", ""
            case _:
                return [], "?", text(node)[:80]

    def _call(self, node: Node) -> tuple[list[Node], str, str]:
        called = text(node.child_by_field_name("function") or node.child_by_field_name("name")).lower().lstrip("\\")
        if called in _SAFE_CALLS:
            return [], "?", ""
        if called in _SAFE_CALLS_OF_SAFE and node.type == "function_call_expression":
            arguments = node.child_by_field_name("arguments")
            return ([] if arguments is None else [arguments]), "", ""
        return [], "?", text(node)[:80]

    def _variable(self, node: Node) -> tuple[list[Node], str, str]:
        name = text(node)
        if not self._follow or name == "$this":
            return [], "?", name
        if name in self._seen:
            return [], "", ""
        self._seen.add(name)
        assigned = assignments(node, name)
        if assigned is None:
            return [], "? …", name  # never taken for a harmless pass-through
        return (assigned, "", "") if assigned else ([], "?", name)


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
    found: list[Node] = []
    stack = [scope(node)]
    steps = 0
    while stack:
        steps += 1
        current = stack.pop()
        if steps > 20 * _MAX_STEPS or current.named_child_count > _MAX_CHILDREN:
            return None
        match current.type:
            case "assignment_expression" | "augmented_assignment_expression":
                left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
                if right is not None and text(left) == name:
                    found.append(right)
            case "simple_parameter" if text(current.child_by_field_name("name")) == name:
                return []
            case "foreach_statement" if _binds(current, name):
                iterated = current.named_children[0]
                if iterated.type not in ("array_creation_expression", "class_constant_access_expression"):
                    return []
                found.append(iterated)
            case _:
                pass
        stack.extend(reversed(current.named_children))
    return found


def _binds(loop: Node, name: str) -> bool:
    heads = [c for c in loop.named_children[1:] if c.type in ("variable_name", "pair", "by_ref", "list_literal")]
    return any(name in text(head) for head in heads)


def _of_a_constant(access: Node) -> bool:
    target = access.child_by_field_name("object")
    return target is not None and target.type == "class_constant_access_expression"
