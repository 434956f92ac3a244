"""PHP names: a file's namespace and imports, and full names resolved with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tree_sitter import Node


def text(node: Node | None) -> str:
    """The node's source text, invalid bytes replaced."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


@dataclass(slots=True)
class Names:
    """Imports of one file: alias (lower case) → full name."""

    namespace: str = ""
    imports: dict[str, str] = field(default_factory=dict)

    def enter(self, namespace: str) -> None:
        """Start a namespace: imports do not cross it."""
        self.namespace = namespace
        self.imports.clear()

    def add_use(self, declaration: Node) -> None:
        """Take the imports of a ``use`` declaration; those of functions and constants are not classes."""
        group = declaration.child_by_field_name("body")
        base = ""
        if group is not None:
            base = next((text(c) for c in declaration.named_children if c.type == "namespace_name"), "")
        if any(c.type in ("function", "const") for c in declaration.children):
            return
        clauses = (group or declaration).named_children
        for clause in clauses:
            if clause.type == "namespace_use_clause":
                self._add(clause, base)

    def _add(self, clause: Node, base: str) -> None:
        if any(c.type in ("function", "const") for c in clause.children):
            return
        alias = clause.child_by_field_name("alias")
        named = [c for c in clause.named_children if c.type in ("name", "qualified_name", "namespace_name")]
        if not named:
            return
        full = (f"{base}\\" if base else "") + text(named[0]).lstrip("\\")
        key = text(alias) if alias is not None else full.rpartition("\\")[2]
        self.imports[key.lower()] = full

    def resolve(self, written: str) -> str:
        """The full class name of ``written`` as PHP would resolve it."""
        if written.startswith("\\"):
            return written[1:]
        head, separator, rest = written.partition("\\")
        if head.lower() == "namespace" and separator:
            return f"{self.namespace}\\{rest}".lstrip("\\")
        imported = self.imports.get(head.lower())
        if imported is not None:
            return imported + separator + rest
        return f"{self.namespace}\\{written}".lstrip("\\")
