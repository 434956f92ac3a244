"""Facts of a test class: which tests it has, which are about isolation, and what each names (classes, tables).

What a test names is read from its code without comments; what a helper, a constant or ``@covers`` names counts for the
whole class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from psram.collect.php_names import text
from psram.collect.php_tree import Extractor, PhpFile
from psram.facts import TestMethod, TestSuite

MAX_METHODS: Final = 500
MAX_MENTIONS: Final = 200
_MAX_SOURCE: Final = 50_000
_TESTS: Final = re.compile(rb"\bextends\s+\\?[\w\\]*TestCase\b|\bclass\s+\w+Test\b")
_COMMENTS: Final = re.compile(r"//[^\n]*|#(?!\[)[^\n]*|/\*.*?\*/", re.DOTALL)
_CLASS: Final = re.compile(r"(\\?[A-Z]\w*(?:\\\w+)*)::|\bnew\s+(\\?[A-Z]\w*(?:\\\w+)*)")
_WORD: Final = re.compile(r"""['"]([a-z_][a-z0-9_]{1,62})['"]""")
_SQL_WORD: Final = re.compile(r"\b(?:from|join|into|update)\s+\"?([a-z_][a-z0-9_]{1,62})", re.IGNORECASE)
_COVERS: Final = re.compile(r"@(?:covers|coversDefaultClass|uses)\s+(\\?[\w\\]+)")
_GROUP: Final = re.compile(r"@group\s+isolation\b|\bGroup\(\s*['\"]isolation['\"]", re.IGNORECASE)
_KEYWORDS: Final = frozenset({"self", "static", "parent"})


def _finish(file: PhpFile) -> None:
    if not _TESTS.search(file.content):
        return
    suites = [_suite(file, node) for node in _classes(file.root)]
    if suites:
        file.fields["tests"] = tuple(suites)


def _classes(root: Node) -> Iterator[Node]:
    for node in root.named_children:
        if node.type == "class_declaration":
            yield node
        elif node.type == "namespace_definition" and (body := node.child_by_field_name("body")) is not None:
            yield from (inner for inner in body.named_children if inner.type == "class_declaration")


def _suite(file: PhpFile, node: Node) -> TestSuite:
    body = node.child_by_field_name("body")
    methods: list[TestMethod] = []
    others = _head(node)
    for member in [] if body is None else body.named_children[: 4 * MAX_METHODS]:
        if member.type == "comment":
            continue
        name = text(member.child_by_field_name("name")) if member.type == "method_declaration" else ""
        if name and _is_test(member, name) and len(methods) < MAX_METHODS:
            said = _head(member)
            mentions = _mentions(file, _source(member) + " " + said)
            methods.append(TestMethod(name, member.start_point.row + 1, bool(_GROUP.search(said)), mentions))
        else:
            others += "\n" + _source(member)
    clause = next((c for c in node.named_children if c.type == "base_clause"), None)
    named = node.child_by_field_name("name")
    return TestSuite(
        name=file.names.resolve("namespace\\" + text(named)),
        line=(named or node).start_point.row + 1,
        parents=() if clause is None else tuple(file.names.resolve(text(c)) for c in clause.named_children),
        isolation=bool(_GROUP.search(_head(node))),
        mentions=_mentions(file, others),
        methods=tuple(methods),
    )


def _head(node: Node) -> str:
    """The annotations of a declaration: its doc comment and its attributes."""
    before = node.prev_named_sibling
    comment = text(before)[:4000] if before is not None and before.type == "comment" else ""
    return comment + " " + text(node.child_by_field_name("attributes"))[:4000]


def _is_test(member: Node, name: str) -> bool:
    return name.lower().startswith("test") or re.search(r"@test\b|#\[\\?(?:\w+\\)*Test\b", _head(member)) is not None


def _source(node: Node) -> str:
    return _COMMENTS.sub(" ", text(node)[:_MAX_SOURCE])


def _mentions(file: PhpFile, source: str) -> tuple[str, ...]:
    classes = [a or b for a, b in _CLASS.findall(source)] + _COVERS.findall(source)
    named = {file.names.resolve(name) for name in classes if name.lower() not in _KEYWORDS}
    named |= {name.lstrip("\\") for name in _COVERS.findall(source)}
    words = {*_WORD.findall(source), *(word.lower() for word in _SQL_WORD.findall(source))}
    return tuple(sorted([*named, *words])[:MAX_MENTIONS])


EXTRACTOR: Final = Extractor(finish_if={rb"TestCase\b|\bclass[\s\x0b]+\w+Test\b": _finish})
