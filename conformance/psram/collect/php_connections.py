"""Places of a PHP file that name a database beside the application's one: environment variables, classes without name.

Marks: ``database-env`` (the variable's name; ``detail`` says ``dynamic`` where something is put after it) and
``new`` for ``new class extends \\PDO``, as for ``new \\PDO``.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile
from psram.collect.sieve import words

_MAX_FOUND: Final = 200
_NAMED: Final = re.compile(rb"['\"]([A-Z0-9_]*DATABASE_URL[A-Z0-9_]*)")
_IN_PARAMETER: Final = re.compile(rb"%env\((?:[a-z_]+:)*([A-Z0-9_]*DATABASE_URL[A-Z0-9_]*)\)%")
_TEXTS: Final = frozenset({"string", "encapsed_string", "string_content"})
_WITHIN: Final = frozenset({"binary_expression", "argument", "arguments", "parenthesized_expression"})
_MAX_CLIMB: Final = 6
_ENVIRONMENTS: Final = ("$_ENV", "$_SERVER")
_DRIVERS: Final = frozenset({"pdo", "mysqli", "sqlite3"})


def _variables(file: PhpFile) -> None:
    for found in itertools.islice(_NAMED.finditer(file.content), _MAX_FOUND):
        node = file.root.descendant_for_byte_range(found.start(1), found.end(1))
        if node is None or node.type not in _TEXTS:
            continue
        whole = node.parent if node.type == "string_content" and node.parent is not None else node
        if _is_read(file, whole):
            alone = file.content[found.end() : found.end() + 1] in (b"'", b'"')
            put_after = whole.parent is not None and whole.parent.type == "binary_expression"
            detail = "" if alone and not put_after else "dynamic"
            file.mark(node, "database-env", found[1].decode("ascii"), detail)
    for found in itertools.islice(_IN_PARAMETER.finditer(file.content), _MAX_FOUND):
        node = file.root.descendant_for_byte_range(found.start(1), found.end(1))
        if node is not None and node.type in _TEXTS:
            file.mark(node, "database-env", found[1].decode("ascii"))


def _is_read(file: PhpFile, node: Node) -> bool:
    """Whether the text names a variable of the environment: an argument of getenv(), a key of ``$_ENV``."""
    current = node
    for _ in range(_MAX_CLIMB):
        above = current.parent
        if above is None:
            return False
        match above.type:
            case "function_call_expression":
                return file.called(above) == "getenv"
            case "subscript_expression":
                held = above.named_children[0]
                return held != current and text(held) in _ENVIRONMENTS
            case kind if kind in _WITHIN:
                current = above
            case _:
                return False
    return False


def _unnamed(file: PhpFile, node: Node) -> None:
    made = next((c for c in node.named_children if c.type == "anonymous_class"), None)
    base = None if made is None else next((c for c in made.named_children if c.type == "base_clause"), None)
    for parent in () if base is None else base.named_children:
        name = file.names.resolve(text(parent))
        if name.lower() in _DRIVERS:
            file.mark(node, "new", name)


EXTRACTOR: Final = Extractor(
    nodes_if={rb"(?i)\bextends[\s\x0b\\]+(?:pdo|mysqli|sqlite3)\b": {"object_creation_expression": _unnamed}},
    finish_if={words(b"database_url"): _variables},
)
