"""What a PHP expression can hold: its literal text, and whether a value that is not constant is pasted into it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from tree_sitter import Node

from psram.collect import php_calls, php_held, php_lists
from psram.collect.php_below import below
from psram.collect.php_names import text

MAX_TEXT: Final = 4000
_MAX_STEPS: Final = 400
_SHARING: Final = ("argument", "reference_assignment_expression", "by_ref")
_BINDING: Final = (
    *("assignment_expression", "augmented_assignment_expression", "reference_assignment_expression"),
    *("global_declaration", "simple_parameter", "foreach_statement"),
)
_SUPERGLOBAL: Final = re.compile(r"\$(?:_(?:GET|POST|REQUEST|COOKIE|FILES|SESSION|SERVER|ENV)|GLOBALS)$")
_NUMBERS: Final = re.compile(r"\??(?:int|float|bool)(?:\|(?:int|float|bool|null))*$", re.IGNORECASE)
_NUMBER_CASTS: Final = re.compile(r"^(int|integer|bool|boolean|float|double)$", re.IGNORECASE)
_REMEMBERED: Final = 512  # a long function asks for the same variables again and again; see forget()
_READING_CALLS: Final = frozenset({"isset", "count", "in_array", "array_key_exists", "array_keys", "implode", "empty"})
_BIG_TABLE: Final = 20
_LITERALS: Final = frozenset({"string", "integer", "float", "boolean", "null", "comment"})
_FUNCTIONS: Final = frozenset(
    {"method_declaration", "function_definition", "anonymous_function", "arrow_function", "program"}
)


class Value(NamedTuple):
    """``text`` is the literal part (``?`` where something is pasted); ``dynamic`` says that something is."""

    text: str
    dynamic: bool
    variable: str = ""


def forget() -> None:
    """Once a file is done: what was remembered of it would keep its tree alive."""
    _assigned.cache_clear()
    _looks_up.cache_clear()
    _handed_over.cache_clear()


def value(node: Node, *, follow: bool = True, lists: bool = False) -> Value:
    """The value of an expression, local variables followed to what their function assigns to them.

    ``lists``: what was looked up in a closed list before is one of its members.
    """
    return _Reader(follow, lists).read(node)


class _Reader:
    def __init__(self, follow: bool, lists: bool) -> None:
        self._follow = follow
        self._lists = lists
        self._seen: set[tuple[int, str]] = set()
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
            case "array_creation_expression" if node.named_child_count > _BIG_TABLE and _plain(node):
                return [], "?", ""
            case "binary_expression" | "parenthesized_expression" | "array_creation_expression":
                return list(node.named_children), "", ""
            case "array_element_initializer" | "argument" | "arguments" | "match_block":
                return list(node.named_children), "", ""
            case "heredoc_start" | "heredoc_end" | "comment" | "throw_expression":
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
            case "member_access_expression" | "nullsafe_member_access_expression" if _of_an_enum(node):
                return [], "", ""
            case "member_access_expression" if self._follow:
                held = php_held.values(node)
                return (held, "", "") if held is not None and self._is_new(node) else self._again(node, held)
            case "subscript_expression":
                return self._element(node)
            case "assignment_expression":
                right = node.child_by_field_name("right")
                return ([right] if right is not None else []), "", ""
            case _:
                return [], "?", text(node)[:80]

    def _call(  # noqa: PLR0911  one line a kind of call
        self, node: Node
    ) -> tuple[list[Node], str, str]:
        called = text(node.child_by_field_name("function") or node.child_by_field_name("name")).lower().lstrip("\\")
        given = node.child_by_field_name("arguments")
        if called in php_calls.HARMLESS or (
            called in php_calls.OF_QUERIES and text(node.child_by_field_name("object")) != "$this"
        ):
            return [], "?", ""
        if (
            given is not None
            and given.named_children
            and (called in php_calls.DATES or _is_format(node, called, given))
        ):
            return given.named_children[:1], "?", ""
        if node.type != "function_call_expression":
            mapped = php_calls.MAPPING in text(node.child_by_field_name("object"))[-300:].lower()
            return [], "?", "" if mapped else text(node)[:80]
        if called in php_calls.MADE_OF_ARGUMENTS:
            return ([] if given is None else [given]), "", ""
        if called in php_calls.TEMPLATES and given is not None:
            place = php_calls.TEMPLATES[called]
            return (
                [
                    *given.named_children[place : place + 1],
                    *given.named_children[:place],
                    *given.named_children[place + 1 :],
                ],
                "",
                "",
            )
        if called == "array_map" and given is not None and len(given.named_children) > 1:
            return self._mapped(node, given.named_children[0])
        numeric = called == "filter_var" and "FILTER_VALIDATE_INT" in text(given)
        return [], "?", "" if numeric else text(node)[:80]

    def _mapped(self, node: Node, callback: Node) -> tuple[list[Node], str, str]:
        """What ``array_map`` makes: what its function gives, told by its name or its body."""
        inner = callback.named_children[-1] if callback.named_children else callback
        named = text(inner).strip("'\"").lower().lstrip("\\").removesuffix("(...)")
        if named in php_calls.HARMLESS:
            return [], "?", ""
        body = inner.child_by_field_name("body")
        if inner.type == "arrow_function" and body is not None:
            return [body], "", ""
        return [], "?", text(node)[:80]

    def _variable(self, node: Node) -> tuple[list[Node], str, str]:
        name = text(node)
        if not self._follow or name == "$this" or _SUPERGLOBAL.match(name):
            return [], "?", name
        if not self._is_new(node):
            return [], "", ""
        assigned = assignments(node, name)
        if assigned is None:
            return [], "? …", name  # never taken for a harmless pass-through
        if self._lists and self._is_listed(node, name):
            return [], "?", ""
        if assigned:
            return assigned, "", ""
        number = _NUMBERS.match(parameter_type(node, name)) and _constants(written(node, name))
        return [], "?", "" if number else name

    def _is_listed(self, node: Node, name: str) -> bool:
        """Whether it was looked up in a closed list before, and given nothing else since."""
        if not _looks_up(scope(node)):
            return False
        since = php_lists.looked_up(node, name, _constant)
        return since is not None and _constants(right for right in written(node, name) if right.start_byte > since)

    def _element(self, node: Node) -> tuple[list[Node], str, str]:
        """An element of a table: what the table holds, whatever the index."""
        held = node.named_children[0] if node.named_children else node
        if held.type in ("class_constant_access_expression", "array_creation_expression", "member_call_expression"):
            return [held], "", ""
        if held.type == "subscript_expression" or (held.type == "member_access_expression" and self._follow):
            return [held], "", ""
        if held.type == "variable_name" and not _handed_over(scope(held), text(held)):
            return [held], "", ""
        return [], "?", text(node)[:80]

    def _is_new(self, node: Node) -> bool:
        """Whether this variable or property is read for the first time."""
        key = (0 if node.type == "member_access_expression" else scope(node).start_byte, text(node))
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _again(self, node: Node, held: list[Node] | None) -> tuple[list[Node], str, str]:
        return ([], "", "") if held is not None else ([], "?", text(node)[:80])


@functools.lru_cache(_REMEMBERED)
def _handed_over(function: Node, name: str) -> bool:
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
                if iterated.type not in ("array_creation_expression", "class_constant_access_expression"):
                    return ()
                found.append(iterated)
            case _:
                pass
    return tuple(found)


@functools.lru_cache(_REMEMBERED)
def _looks_up(function: Node) -> bool:
    """Whether the function looks for anything in a list."""
    source = (function.text or b"").lower()
    return any(word in source for word in (b"in_array", b"key_exists", b"array_search", b"isset"))


def written(node: Node, name: str) -> list[Node]:
    """Right-hand sides of the assignments to ``name`` in the node's function, its parameters left out."""
    found = below(scope(node), ("assignment_expression", "augmented_assignment_expression")) or []
    rights = (a.child_by_field_name("right") for a in found if _written(a.child_by_field_name("left")) == name)
    return [right for right in rights if right is not None]


def _constants(nodes: Iterable[Node]) -> bool:
    return all(_constant(node) for node in nodes)


def _is_format(node: Node, called: str, given: Node) -> bool:
    """``$date->format('Y-m-d')``."""
    return called == "format" and node.type != "function_call_expression" and given.named_child_count == 1


def _plain(table: Node) -> bool:
    """Whether a table holds nothing but literals."""
    return all(
        part.type in _LITERALS
        for element in table.named_children
        for part in (element.named_children if element.type == "array_element_initializer" else (element,))
    )


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


def parameter_type(node: Node, name: str) -> str:
    """The type that the node's function gives to its parameter of that name; empty when it gives none."""
    listed = scope(node).child_by_field_name("parameters")
    parameters: list[Node] = [] if listed is None else listed.named_children
    for parameter in parameters:
        if text(parameter.child_by_field_name("name")) == name:
            return text(parameter.child_by_field_name("type"))
    return ""


def _constant(node: Node) -> bool:
    return not value(node).dynamic


def _of_an_enum(access: Node) -> bool:
    """``Statut::Ouvert->value``, ``Tri::from($x)->value``, ``$tri->value`` where ``$tri`` is given one of those."""
    target = access.child_by_field_name("object")
    if target is None:
        return False
    if target.type == "variable_name" and text(access.child_by_field_name("name")) in ("value", "name"):
        given = assignments(target, text(target))
        return bool(given) and all(_is_enum(each) for each in given or ())
    return _is_enum(target)


def _is_enum(node: Node) -> bool:
    if node.type == "scoped_call_expression":
        return text(node.child_by_field_name("name")).lower() in ("from", "tryfrom")
    return node.type == "class_constant_access_expression"
