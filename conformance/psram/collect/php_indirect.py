"""Functions that are called without being named: ``$f($x)``, ``call_user_func('exec', $x)``, ``exec(...)`` by a name.

What can be called is followed through the local variables of a function and the private properties of a class. Three
kinds of marks: ``indirect`` (a dangerous function is called so), ``call-input`` (the request says which function, or an
encoded text does), ``call-text`` (a text put together at run time says which). Closures, parameters and everything that
cannot be told are ordinary PHP: no mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from psram.collect import php_held
from psram.collect.php_located import COMPUTED_CALL
from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile, function_calls, static_calls
from psram.collect.php_values import value
from psram.collect.php_variables import assignments, scope
from psram.collect.sieve import words
from psram.facts import SHELL_FUNCTIONS

_DANGEROUS: Final = SHELL_FUNCTIONS | {"create_function", "unserialize", "extract"}
_KEPT: Final = re.compile(rf"([$]?\w+)(?:['\"]\s*,|\s*=)\s*(['\"])\\?({'|'.join(sorted(_DANGEROUS))})\2", re.IGNORECASE)
_LAST: Final = -1
_CALLERS: Final = {
    # the function that calls what it is given → where it is given
    **dict.fromkeys(("call_user_func", "call_user_func_array", "forward_static_call", "array_map"), 0),
    **dict.fromkeys(("forward_static_call_array", "register_shutdown_function", "register_tick_function"), 0),
    **dict.fromkeys(("set_error_handler", "set_exception_handler", "spl_autoload_register", "ob_start"), 0),
    **dict.fromkeys(("header_register_callback", "fromcallable", "reflectionfunction"), 0),
    **dict.fromkeys(("array_filter", "array_walk", "array_walk_recursive", "array_reduce", "usort", "uasort"), 1),
    **dict.fromkeys(("uksort", "iterator_apply", "preg_replace_callback", "mb_ereg_replace_callback"), 1),
    **dict.fromkeys(
        ("array_udiff", "array_uintersect", "array_diff_ukey", "array_intersect_ukey", "array_udiff_assoc"), _LAST
    ),
    **dict.fromkeys(("array_uintersect_assoc", "array_diff_uassoc", "array_intersect_uassoc"), _LAST),
    "callbackfilteriterator": 1,
}
_ENCODED: Final = frozenset(
    {
        *("base64_decode", "strrev", "str_rot13", "hex2bin", "chr", "pack", "gzinflate", "gzuncompress", "gzdecode"),
        *("convert_uudecode", "urldecode", "rawurldecode", "html_entity_decode", "openssl_decrypt"),
    }
)
_WITHIN: Final = frozenset({"trim", "strtolower", "strtoupper", "ltrim", "rtrim", "ucfirst", "lcfirst", "strval"})
_COMPOSED: Final = frozenset({"implode", "join", "sprintf", "vsprintf", "substr", "strtr", "str_replace"})
_INPUT: Final = re.compile(
    r"\$_(GET|POST|REQUEST|COOKIE|FILES|SERVER)\b"
    r"|\$(this->)?request(s|stack)?\b.{0,80}->(get|query|request|cookies|headers|getcontent|toarray|all|attributes)\b"
    r"|\bfilter_input\b|\bgetallheaders\b|php://input",
    re.IGNORECASE | re.DOTALL,
)
_MAX_STEPS: Final = 60
_TRANSPARENT: Final = frozenset(
    {"parenthesized_expression", "argument", "array_creation_expression", "array_element_initializer", "match_block"}
)
_STORED: Final = frozenset(
    {
        *("variable_name", "member_access_expression", "scoped_property_access_expression", "name"),
        *("class_constant_access_expression", "qualified_name"),
    }
)
_QUOTED: Final = rb"(?i)['\"]\\?(?:" + "|".join(sorted(_DANGEROUS)).encode() + rb")['\"]"
_GRAVITY: Final = ("indirect", "call-input", "call-text")
_TEXTS: Final = frozenset({"string", "encapsed_string", "heredoc", "nowdoc"})


def _named(file: PhpFile, node: Node) -> None:
    name = file.called(node)
    if name in _CALLERS:
        _given(file, node, name)


def _computed(file: PhpFile, node: Node) -> None:
    function = node.child_by_field_name("function")
    if function is not None:
        _judge(file, node, function, "")


def _created(file: PhpFile, node: Node) -> None:
    named = next((c for c in node.named_children if c.type in ("name", "qualified_name")), None)
    name = text(named).lower().rpartition("\\")[2]
    if name in ("reflectionfunction", "callbackfilteriterator"):
        _given(file, node, name)


def _static(file: PhpFile, node: Node) -> None:
    name = text(node.child_by_field_name("name")).lower()
    if name == "fromcallable":
        _given(file, node, name)


def _given(file: PhpFile, node: Node, name: str) -> None:
    listed = next((c for c in node.named_children if c.type == "arguments"), None)
    arguments = [] if listed is None else [a for a in listed.named_children if a.type == "argument"]
    where = _CALLERS[name]
    place = where if where >= 0 else len(arguments) - 1
    chosen = [a for i, a in enumerate(arguments) if i == place or a.child_by_field_name("name")]
    for argument in chosen:
        _judge(file, node, argument.named_children[-1], name)


def _judge(file: PhpFile, node: Node, callee: Node, through: str) -> None:
    """Mark the call when what it calls is dangerous; ``through`` is the function that calls it."""
    found = {*_followed(callee), *_kept(file, callee)}
    if found:
        kind, name = min(found, key=lambda f: (_GRAVITY.index(f[0]), f[1]))
        file.mark(node, kind, name, through)


def _kept(file: PhpFile, callee: Node) -> Iterator[tuple[str, str]]:
    """A constant, a static or public property, a default value that this file fills with a dangerous name."""
    while callee.type == "parenthesized_expression" and callee.named_children:
        callee = callee.named_children[0]
    if _QUOTED in file.held and callee.type in _STORED:
        asked = text(callee).rpartition("::")[2].rpartition("->")[2].lstrip("$")
        if "kept" not in file.state:
            found = _KEPT.findall(file.content.decode("utf-8", "replace"))
            file.state["kept"] = {name.lstrip("$"): value.lower() for name, _quote, value in found}
        if asked in file.state["kept"]:
            yield "indirect", file.state["kept"][asked]


def _followed(callee: Node) -> Iterator[tuple[str, str]]:
    waiting, seen, steps = [callee], set[tuple[int, str]](), 0
    while waiting and steps < _MAX_STEPS:
        steps += 1
        node = waiting.pop()
        if node.type in _TRANSPARENT:
            waiting += _elements(node)
        elif node.type in _TEXTS or (node.type == "binary_expression" and "??" not in _operator(node)):
            yield from _of_text(node)
        elif node.type == "binary_expression":
            waiting += node.named_children
        elif node.type in ("variable_name", "member_access_expression", "subscript_expression"):
            key = (scope(node).start_byte, text(node)[:200])
            if key not in seen:
                seen.add(key)
                waiting += _held(node)
                if _INPUT.search(text(node)[:200]):
                    yield "call-input", text(node)[:80]
        else:
            waiting += _branches(node)
            yield from _of_call(node)


def _elements(node: Node) -> list[Node]:
    """Parts of a wrapper; of ``[$object, 'method']`` none: a method's name is not a function's."""
    parts = list(node.named_children)
    if node.type == "array_creation_expression" and _is_method(node, parts):
        return []
    return parts[-1:] if node.type == "array_element_initializer" else parts


def _is_method(node: Node, parts: list[Node]) -> bool:
    pair = len(parts) == 2 and all(p.type == "array_element_initializer" and len(p.named_children) == 1 for p in parts)  # noqa: PLR2004
    return pair and parts[0].named_children[0].type not in _TEXTS


def _operator(node: Node) -> str:
    return text(node.child_by_field_name("operator"))


def _of_text(node: Node) -> Iterator[tuple[str, str]]:
    """A literal, or a text put together: its fixed head and tail say whether it can name a dangerous function."""
    read = value(node)
    written = read.text.strip().lower().lstrip("\\")
    if not read.dynamic:
        if written in _DANGEROUS:
            yield "indirect", written
        return
    if _INPUT.search(text(node)[:1000]):
        yield "call-input", text(node)[:80]
        return
    head, _, rest = written.partition("?")
    tail = rest.rpartition("?")[2]
    if any(name.startswith(head) and name.endswith(tail) for name in _DANGEROUS):
        yield "call-text", text(node)[:80]


def _held(node: Node) -> list[Node]:
    """What a variable, private property or element of a local table can hold, as far as it is written here."""
    if node.type == "variable_name":
        return list(assignments(node, text(node)) or ())
    if node.type == "member_access_expression":
        return list(php_held.values(node) or ())
    return node.named_children[:1]


def _branches(node: Node) -> list[Node]:
    match node.type:
        case "conditional_expression":
            parts = [node.child_by_field_name("body"), node.child_by_field_name("alternative")]
            return [p for p in parts if p is not None]
        case "match_expression":
            block = node.child_by_field_name("body")
            arms = [] if block is None else block.named_children
            return [r for a in arms if (r := a.child_by_field_name("return_expression")) is not None]
        case "assignment_expression":
            right = node.child_by_field_name("right")
            return [] if right is None else [right]
        case "cast_expression":
            return list(node.named_children[-1:])
        case "function_call_expression" if _function(node) in _WITHIN:
            arguments = node.child_by_field_name("arguments")
            return [] if arguments is None else list(arguments.named_children[:1])
        case _:
            return []


def _function(node: Node) -> str:
    return text(node.child_by_field_name("function")).lower().lstrip("\\")


def _of_call(node: Node) -> Iterator[tuple[str, str]]:
    if node.type == "function_call_expression":
        name = _function(node)
        if name in _ENCODED or _INPUT.search(text(node)[:300]):
            yield "call-input", text(node)[:80]
        elif name in _COMPOSED:
            yield from _composed(node)
    elif node.type in ("member_call_expression", "nullsafe_member_call_expression") and _INPUT.search(text(node)[:300]):
        yield "call-input", text(node)[:80]


def _composed(node: Node) -> Iterator[tuple[str, str]]:
    """A text made by a function: what its fixed head allows (``sprintf('imagecreatefrom%s', …)`` is harmless)."""
    arguments = node.child_by_field_name("arguments")
    first = None if arguments is None or not arguments.named_children else arguments.named_children[0]
    head = value(first).text.strip().lower() if first is not None else ""
    head = re.split(r"[%?]", head)[0] if _function(node) in ("sprintf", "vsprintf") else ""
    if any(name.startswith(head) for name in _DANGEROUS):
        yield "call-text", text(node)[:80]


EXTRACTOR: Final = Extractor(
    asks=(_QUOTED,),
    nodes={COMPUTED_CALL: _computed},
    nodes_if={words(b"reflectionfunction", b"callbackfilteriterator"): {"object_creation_expression": _created}},
    nodes_at={
        function_calls(_CALLERS): {"function_call_expression": _named},
        static_calls({"fromcallable"}): {"scoped_call_expression": _static},
    },
)
