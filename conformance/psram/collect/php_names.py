"""PHP names: a file's namespace and imports, and full names resolved with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tree_sitter import Node


def text(node: Node | None) -> str:
    """The node's source text, invalid bytes replaced."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def _kind(node: Node) -> str:
    """What a ``use`` is of: ``function``, ``const``, or classes (empty)."""
    return next((c.type for c in node.children if c.type in ("function", "const")), "")


@dataclass(slots=True)
class Names:
    """Imports of one file, alias (lower case) → full name; functions have their own, full names in lower case."""

    namespace: str = ""
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)

    def enter(self, namespace: str) -> None:
        """Start a namespace: imports do not cross it."""
        self.namespace = namespace
        self.imports.clear()
        self.functions.clear()

    def add_use(self, declaration: Node) -> None:
        """Take the imports of a ``use`` declaration; those of constants are left out."""
        group = declaration.child_by_field_name("body")
        base = ""
        if group is not None:
            base = next((text(c) for c in declaration.named_children if c.type == "namespace_name"), "")
        kind = _kind(declaration)
        clauses = (group or declaration).named_children
        for clause in clauses:
            if clause.type == "namespace_use_clause":
                self._add(clause, base, kind or _kind(clause))

    def _add(self, clause: Node, base: str, kind: str) -> None:
        if kind == "const":
            return
        alias = clause.child_by_field_name("alias")
        named = [c for c in clause.named_children if c.type in ("name", "qualified_name", "namespace_name")]
        if not named:
            return
        full = (f"{base}\\" if base else "") + text(named[0]).lstrip("\\")
        key = text(alias) if alias is not None else full.rpartition("\\")[2]
        if kind == "function":
            self.functions[key.lower()] = full.lower()
        else:
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
