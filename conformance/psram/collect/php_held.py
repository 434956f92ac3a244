"""What a class keeps for itself: a private property, all of whose values are written in the class."""

from __future__ import annotations

from tree_sitter import Node

from psram.collect.php_below import below
from psram.collect.php_names import text

_TELLING = (
    *("property_declaration", "property_promotion_parameter", "assignment_expression"),
    *("augmented_assignment_expression", "reference_assignment_expression", "member_access_expression"),
)
_CLASSES = frozenset({"class_declaration", "enum_declaration", "anonymous_class"})


def values(access: Node) -> list[Node] | None:
    """All that ``$this->name`` can hold: its default and what the class assigns to it.

    ``None`` when others could write it (it is not private), when it is given none, or when it cannot be told.
    """
    name = text(access.child_by_field_name("name"))
    if text(access.child_by_field_name("object")) != "$this" or not name.isidentifier():
        return None
    holder = access
    while holder.parent is not None and holder.type not in _CLASSES:
        holder = holder.parent
    if holder.type not in _CLASSES:
        return None
    return _collected(holder, name)


def _collected(holder: Node, name: str) -> list[Node] | None:
    found: list[Node] = []
    private = False
    looked = below(holder, _TELLING)
    if looked is None:
        return None
    for current in looked:
        match current.type:
            case "property_declaration":
                for element in current.named_children:
                    if element.type == "property_element" and _named(element) == name:
                        private = any(
                            c.type == "visibility_modifier" and text(c) == "private" for c in current.children
                        )
                        default = element.child_by_field_name("default_value")
                        found += [] if default is None else [default]
            case "property_promotion_parameter" if _named(current) == name:
                return None
            case "assignment_expression" | "augmented_assignment_expression":
                left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
                if right is not None and _writes(left, name):
                    found.append(right)
            case "reference_assignment_expression" if f"$this->{name}" in text(current)[:400]:
                return None
            case "member_access_expression" if _computed(current):
                return None
            case _:
                pass
    return found if private and found else None


def _named(node: Node) -> str:
    return text(node.child_by_field_name("name")).lstrip("$")


def _writes(left: Node | None, name: str) -> bool:
    """Whether this left-hand side is the property, an element of it, or a list that holds it."""
    while left is not None and left.type == "subscript_expression":
        left = left.named_children[0] if left.named_children else None
    if left is None:
        return False
    written = text(left)[:400]
    return written == f"$this->{name}" or (
        left.type in ("list_literal", "array_creation_expression") and name in written
    )


def _computed(access: Node) -> bool:
    """``$this->$name``: any property could be meant."""
    named = access.child_by_field_name("name")
    target = access.child_by_field_name("object")
    return named is not None and named.type != "name" and target is not None and text(target) == "$this"
