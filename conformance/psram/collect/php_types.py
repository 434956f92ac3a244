"""Facts of a PHP file's types: how many parameters, returns and properties there are, and which say no type.

Closures and arrow functions are left out: their types mostly follow from where they are used.
"""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile
from psram.facts import Typing

_MAX_TOLD: Final = 100
_NO_RETURN: Final = frozenset({"__construct", "__destruct", "__clone"})  # PHP refuses a type there, or it says nothing
_PARAMETERS: Final = frozenset({"simple_parameter", "variadic_parameter", "property_promotion_parameter"})


def _callable(file: PhpFile, node: Node) -> None:
    name = text(node.child_by_field_name("name"))
    parameters = node.child_by_field_name("parameters")
    for parameter in () if parameters is None else parameters.named_children:
        if parameter.type in _PARAMETERS:
            said = parameter.child_by_field_name("type") is not None
            _count(file, parameter, said, "" if said else f"{name}({text(parameter.child_by_field_name('name'))})")
    if name.lower() not in _NO_RETURN:
        _count(file, node, node.child_by_field_name("return_type") is not None, f"{name}()")


def _property(file: PhpFile, node: Node) -> None:
    said = node.child_by_field_name("type") is not None
    for element in node.named_children:
        if element.type == "property_element":
            _count(file, element, said, "" if said else text(element.child_by_field_name("name")))


def _count(file: PhpFile, node: Node, said: bool, name: str) -> None:
    counts = file.state.setdefault(__name__, [0, 0, []])
    counts[0] += 1
    if said:
        counts[1] += 1
    elif len(counts[2]) < _MAX_TOLD:
        counts[2].append(f"{node.start_point.row + 1} {name[:80]}")


def _finish(file: PhpFile) -> None:
    counts = file.state.get(__name__)
    if counts is not None:
        file.fields["typing"] = Typing(counts[0], counts[1], "\n".join(counts[2]))


EXTRACTOR: Final = Extractor(
    nodes={"method_declaration": _callable, "function_definition": _callable, "property_declaration": _property},
    finish=_finish,
)
