"""Facts of a PHP file by tree-sitter. Its grammar accepts more than PHP does: the syntax verdict is not made here.

A file is parsed once and its nodes are found once, for all extractors together; to add one, read
:mod:`psram.collect.php_tree` and add a line to :data:`EXTRACTORS`. A file with an error gets no other fact than the
error's line: queries on broken trees are quadratic.
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

from tree_sitter import Node, Parser

from psram.collect import (
    php_access,
    php_connections,
    php_crypto,
    php_declarations,
    php_exits,
    php_guarded,
    php_indirect,
    php_located,
    php_logs,
    php_members,
    php_mended,
    php_numbers,
    php_sites,
    php_sql,
    php_trials,
    php_types,
    php_variables,
    php_web,
)
from psram.collect.php_below import language
from psram.collect.php_located import Asked
from psram.collect.php_tree import Finish, PhpFile, Visit
from psram.collect.sieve import Sieve
from psram.facts import PhpFacts

EXTRACTORS: Final = (
    php_declarations.EXTRACTOR,  # first: the others ask for the namespace and imports that it enters
    php_sites.EXTRACTOR,
    php_sql.EXTRACTOR,
    php_exits.EXTRACTOR,
    php_indirect.EXTRACTOR,
    php_guarded.EXTRACTOR,
    php_types.EXTRACTOR,
    php_members.EXTRACTOR,
    php_crypto.EXTRACTOR,
    php_web.EXTRACTOR,
    php_connections.EXTRACTOR,
    php_numbers.EXTRACTOR,
    php_logs.EXTRACTOR,
    php_access.EXTRACTOR,
    php_trials.EXTRACTOR,
)
MAX_NESTING: Final = 500
_PLANS: Final = 512
_BRACKETS: Final = re.compile(rb"[\[\](){}]")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"()[]{}"))
_SIDES: Final = bytes.maketrans(b"[]{}", b"()()")
_LAYERS: Final = 20


@functools.cache
def _tools() -> tuple[Parser, Sieve]:
    patterns = [p for e in EXTRACTORS for p in (*e.asks, *e.nodes_if, *e.nodes_at, *e.finish_if)]
    return Parser(language()), Sieve([*patterns, *php_located.SIEVED])


@functools.cache
def _calls() -> dict[frozenset[str], bytes]:
    """Kinds of calls → the pattern of all names under which any extractor asks for one."""
    patterns: dict[frozenset[str], list[bytes]] = {}
    for extractor in EXTRACTORS:
        for pattern, nodes in extractor.nodes_at.items():
            patterns.setdefault(frozenset(nodes), []).append(b"(?:" + pattern + b")")
    return {kinds: b"|".join(each) for kinds, each in patterns.items()}


class _Plan(NamedTuple):
    """What is called for a file: for each node of a kind, then once."""

    visits: dict[str, tuple[Visit, ...]]
    asked: Asked
    finishes: tuple[Finish, ...]


@functools.lru_cache(_PLANS)
def _plan(held: frozenset[bytes], renamed: bool) -> _Plan:
    """What files that hold these patterns ask for; ``renamed``: where a function may have another name."""
    visits: dict[str, tuple[Visit, ...]] = {}
    everywhere, called = set[str](), set[str]()
    finishes: list[Finish] = []
    for extractor in EXTRACTORS:
        whole = (extractor.nodes, *(nodes for pattern, nodes in extractor.nodes_if.items() if pattern in held))
        named = [nodes for pattern, nodes in extractor.nodes_at.items() if renamed or pattern in held]
        everywhere.update(kind for nodes in whole for kind in nodes)
        called.update(kind for nodes in named for kind in nodes)
        for kind, visit in [item for nodes in (*whole, *named) for item in nodes.items()]:
            visits[kind] = (*visits.get(kind, ()), visit)
        if extractor.finish is not None:
            finishes.append(extractor.finish)
        finishes += (finish for pattern, finish in extractor.finish_if.items() if pattern in held)
    if renamed:
        everywhere |= called & {"function_call_expression"}
    at = {pattern: kinds & called - everywhere for kinds, pattern in _calls().items()}
    absent = {kind for kind, anchor in php_located.ANCHORS.items() if anchor in php_located.SIEVED - held}
    return _Plan(visits, Asked.of(everywhere - absent, {p: kinds for p, kinds in at.items() if kinds}), tuple(finishes))


def facts(content: bytes) -> PhpFacts:
    """The facts of a PHP file of any content; never raises."""
    deep_line = too_deep(content)
    if deep_line:
        return PhpFacts(has_error=True, error_line=deep_line)
    parser, sieve = _tools()
    root = parser.parse(content).root_node
    if root.has_error and (rewritten := php_mended.mended(content)) != content:
        content, root = rewritten, parser.parse(rewritten).root_node
    if root.has_error:
        return PhpFacts(has_error=True, error_line=_error_line(root), odd_line=_odd_line(content))
    try:
        return _visited(PhpFile(content, root, sieve.held(content)))
    finally:
        php_variables.forget()


def _visited(file: PhpFile) -> PhpFacts:
    declared = php_located.declarations(file.content, file.root)
    plan = _plan(file.held, php_located.renamed(declared))
    # Nodes come in no order of their own: by place, so that the same content always gives the same facts.
    found = php_located.found(file.content, file.root, declared, plan.asked)
    for node, kind in sorted(found, key=lambda each: (each[0].byte_range, each[1])):
        for visit in plan.visits[kind]:
            visit(file, node)
        if file.flooded:  # what would come after could be hidden: nothing is known of such a file
            return PhpFacts(has_error=True, error_line=node.start_point.row + 1)
    for finish in plan.finishes:
        finish(file)
    return PhpFacts(marks=tuple(sorted(file.marks)), sql=tuple(file.sql), **file.fields)


def too_deep(content: bytes) -> int:
    """The line where brackets nest beyond :data:`MAX_NESTING`, 0 when they do not."""
    opened = content.translate(_SIDES, _NOT_BRACKETS)
    for innermost in range(_LAYERS):  # nearly all files end here: at most so many can nest in each other
        if opened.count(b"(") + innermost <= MAX_NESTING:
            return 0
        opened = opened.replace(b"()", b"")
    depth = 0
    for found in _BRACKETS.finditer(content):
        if found[0] in b"[({":
            depth += 1
            if depth > MAX_NESTING:
                return content.count(b"\n", 0, found.start()) + 1
        elif depth:
            depth -= 1
    return 0


def _odd_line(content: bytes) -> int:
    """The first line that is not UTF-8, 0 when all are: the grammar's names are."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 0


def _error_line(root: Node) -> int:
    """The line of the first error, by descending where errors are: linear, unlike a query."""
    node = root
    while True:
        if node.is_error or node.is_missing:
            return node.start_point.row + 1
        below = next((c for c in node.children if c.has_error or c.is_missing), None)
        if below is None:
            return node.start_point.row + 1
        node = below
