"""What a PHP expression can hold: its literal text, and whether a value that is not constant is pasted into it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from tree_sitter import Node

from psram.collect import php_calls, php_held, php_lists
from psram.collect.php_names import text
from psram.collect.php_variables import assignments, handed_over, looks_up, parameter_type, scope, written

MAX_TEXT: Final = 4000
_MAX_STEPS: Final = 400
_SUPERGLOBAL: Final = re.compile(r"\$(?:_(?:GET|POST|REQUEST|COOKIE|FILES|SESSION|SERVER|ENV)|GLOBALS)$")
_NUMBERS: Final = re.compile(r"\??(?:int|float|bool)(?:\|(?:int|float|bool|null))*$", re.IGNORECASE)
_CLASS: Final = re.compile(r"\\?[A-Z]\w*(?:\\\w+)*")
_NUMBER_CASTS: Final = re.compile(r"^(int|integer|bool|boolean|float|double)$", re.IGNORECASE)
_BIG_TABLE: Final = 20
_LITERALS: Final = frozenset({"string", "integer", "float", "boolean", "null", "comment"})


class Value(NamedTuple):
    """``text`` is the literal part (``?`` where something is pasted); ``dynamic`` says that something is.

    ``enums``: types of the parameters whose value is pasted, which no constant text can tell (see ``lists``).
    """

    text: str
    dynamic: bool
    variable: str = ""
    enums: tuple[str, ...] = ()


def value(node: Node, *, follow: bool = True, lists: bool = False) -> Value:
    """The value of an expression, local variables followed to what their function assigns to them.

    ``lists``: what was looked up in a closed list before is one of its members, and ``$parameter->value`` is told by
    the parameter's type.
    """
    return _Reader(follow, lists).read(node)


class _Reader:
    def __init__(self, follow: bool, lists: bool) -> None:
        self._follow = follow
        self._lists = lists
        self._enums: dict[str, None] = {}
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
        return Value("".join(parts)[:MAX_TEXT], bool(dynamic), dynamic, tuple(self._enums))

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
            case "member_access_expression" if self._lists and (kind := _kind_of_value(node)):
                self._enums[kind] = None
                return [], "?", ""
            case "member_access_expression" if self._follow:
                held = php_held.values(node)
                return (held, "", "") if held is not None and self._is_new(node) else self._again(node, held)
            case "subscript_expression":
                return self._element(node)
            case "update_expression":  # $n++
                return list(node.named_children), "", ""
            case "foreach_statement":  # a position, see _assigned
                return [], "?", ""
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
        if not looks_up(scope(node)):
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
        if held.type == "variable_name" and not handed_over(scope(held), text(held)):
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


def _kind_of_value(access: Node) -> str:
    """The class of the parameter in ``$parameter->value``; empty for anything else."""
    target = access.child_by_field_name("object")
    if target is None or target.type != "variable_name" or text(access.child_by_field_name("name")) != "value":
        return ""
    kind = parameter_type(target, text(target)).lstrip("?")
    return kind if _CLASS.fullmatch(kind) and not written(target, text(target)) else ""


def _is_enum(node: Node) -> bool:
    if node.type == "scoped_call_expression":
        return text(node.child_by_field_name("name")).lower() in ("from", "tryfrom")
    return node.type == "class_constant_access_expression"
