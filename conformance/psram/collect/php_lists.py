"""Closed lists in PHP: whether a variable was looked up among constants before it is used at this place.

``in_array($tri, self::TRIS, true) ? $tri : 'nom'``, the body of ``if (isset(self::TRIS[$tri]))``, what follows
``if (!in_array($tri, ['nom', 'date'], true)) { throw …; }``. The list itself is judged by who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text

_MAX_CLIMB: Final = 40
_MAX_BEFORE: Final = 60
_LOOKUPS: Final = {"in_array": (0, 1), "array_key_exists": (0, 1), "key_exists": (0, 1), "array_search": (0, 1)}
_LEAVES: Final = frozenset({"return_statement", "continue_statement", "break_statement", "exit_statement"})
_FUNCTIONS: Final = frozenset(
    {"method_declaration", "function_definition", "anonymous_function", "arrow_function", "program"}
)
_AND: Final = frozenset({"&&", "and"})
_OR: Final = frozenset({"||", "or"})
IsConstant = Callable[[Node], bool]


def looked_up(variable: Node, name: str, is_constant: IsConstant) -> int | None:
    """Since which byte ``name`` can only be a member of a list that ``is_constant`` accepts; ``None`` if it is not."""
    node = variable
    for _ in range(_MAX_CLIMB):
        above = node.parent
        if above is None or node.type in _FUNCTIONS:
            return None
        if _chosen(above, node, name, is_constant):
            return node.start_byte
        since = _refused_before(above, node, name, is_constant)
        if since is not None:
            return since
        node = above
    return None


def _chosen(above: Node, node: Node, name: str, is_constant: IsConstant) -> bool:
    """In the branch that a test of membership leads to."""
    if above.type not in ("conditional_expression", "if_statement", "else_if_clause"):
        return False
    condition = above.child_by_field_name("condition")
    if condition is None or node == condition:
        return False
    if node == above.child_by_field_name("body"):
        return _says(condition, name, is_constant, member=True)
    return node == above.child_by_field_name("alternative") and _says(condition, name, is_constant, member=False)


def _refused_before(above: Node, node: Node, name: str, is_constant: IsConstant) -> int | None:
    """The end of an ``if`` before it that leaves, or gives a constant, when it is not a member."""
    if above.type not in ("compound_statement", "program"):
        return None
    before = node.prev_named_sibling
    for _ in range(_MAX_BEFORE):
        if before is None:
            return None
        condition = before.child_by_field_name("condition") if before.type == "if_statement" else None
        if condition is not None and _says(condition, name, is_constant, member=False):
            return before.end_byte if _leaves(before.child_by_field_name("body"), name, is_constant) else None
        before = before.prev_named_sibling
    return None


def _leaves(body: Node | None, name: str, is_constant: IsConstant) -> bool:
    statements = [] if body is None else body.named_children if body.type == "compound_statement" else [body]
    last = next((s for s in reversed(statements) if s.type != "comment"), None)
    if last is None:
        return False
    if last.type in _LEAVES:
        return True
    inner = last.named_children[0] if last.type == "expression_statement" and last.named_children else last
    if inner.type == "assignment_expression":
        right = inner.child_by_field_name("right")
        return text(inner.child_by_field_name("left")) == name and right is not None and is_constant(right)
    return inner.type == "throw_expression"


def _says(condition: Node, name: str, is_constant: IsConstant, *, member: bool) -> bool:
    """Whether this condition, when it holds, makes ``name`` a member (``member``); when it fails, otherwise."""
    node = condition
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node.type == "unary_op_expression" and text(node).startswith("!"):
        return _says(node.named_children[-1], name, is_constant, member=not member)
    if node.type == "binary_expression":
        operator = text(node.child_by_field_name("operator")).lower()
        sides = [s for s in (node.child_by_field_name("left"), node.child_by_field_name("right")) if s is not None]
        if operator in (_AND if member else _OR):
            return any(_says(side, name, is_constant, member=member) for side in sides)
        if operator in ("===", "==", "!==", "!=") and len(sides) == 2:  # noqa: PLR2004
            return _compared(sides, operator, name, is_constant, member=member)
        return False
    return member and any(is_constant(held) for held in _lists(node, name))


def _compared(sides: list[Node], operator: str, name: str, is_constant: IsConstant, *, member: bool) -> bool:
    """``in_array(…) === false``, ``$tri === 'nom'``."""
    literals = [text(side).lower() for side in sides]
    equal = operator in ("===", "==")
    for place, other in ((0, 1), (1, 0)):
        if literals[place] in ("true", "false"):
            holds = (literals[place] == "true") is equal
            return _says(sides[other], name, is_constant, member=member is holds)
        if literals[place] == name.lower() and text(sides[place]) == name:
            return equal is member and is_constant(sides[other])
    return False


def _lists(node: Node, name: str) -> Iterator[Node]:
    """The list that this call or ``isset`` looks for ``name`` in."""
    if node.type != "function_call_expression":
        return
    called = text(node.child_by_field_name("function")).lower().lstrip("\\")
    given = node.child_by_field_name("arguments")
    arguments = [] if given is None else [a for a in given.named_children if a.type == "argument"]
    if called in _LOOKUPS and len(arguments) > 1 and text(arguments[0]) == name:
        yield arguments[1]
    if called == "isset" and arguments:
        for argument in arguments:
            inner = argument.named_children[-1] if argument.named_children else argument
            if inner.type == "subscript_expression" and [text(c) for c in inner.named_children[1:]] == [name]:
                yield inner.named_children[0]
