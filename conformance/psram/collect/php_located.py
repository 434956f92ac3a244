"""The nodes that extractors ask for, found where they stand in the source instead of by visiting a whole tree.

A query of tree-sitter's visits every node whatever it looks for, most of them in the middle of statements. Here:

* declarations stand near the top: a query that goes no deeper than a class's members finds them; the source holds no
  more keywords of declarations than that found, or the whole tree is queried;
* other kinds have a token of their own (:data:`ANCHORS`) and calls by name have that name: RE2 finds it in the source,
  then the tree is asked what stands there, and of what;
* kinds that have neither are found by a query of the whole tree.

The nodes are those that a query of the whole tree captures, in any file that PHP accepts: whatever is looked for in the
source may be wider than the token, never narrower.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from tree_sitter import Node, QueryCursor

from psram.collect.php_below import query
from psram.collect.sieve import finder

COMPUTED_CALL: Final = "computed call"
"""The kind of calls of a function that is not named: asked for as such, though no kind of the grammar's."""
_NAMED: Final = frozenset({"name", "qualified_name", "relative_name"})
_SPACE: Final = rb"[\x00-\x20\x80-\xff]*"
_GAP: Final = _SPACE + rb"(?:(?:/\*(?:[^*]|\*+[^*/])*\*+/|//[^\n\r]*|#[^\n\r]*)" + _SPACE + rb")*"
_KEYWORDS: Final = rb"(?i)\b(?:exit|global|goto|(?:include|require)(?:_once)?)\b"
ANCHORS: Final[Mapping[str, bytes]] = {
    # kind → the pattern of a token that is its child; of a call without a name, of its opening bracket
    "error_suppression_expression": b"@",
    "shell_command_expression": b"`",
    **dict.fromkeys(("exit_statement", "global_declaration", "goto_statement"), _KEYWORDS),
    **dict.fromkeys(("include_expression", "include_once_expression"), _KEYWORDS),
    **dict.fromkeys(("require_expression", "require_once_expression"), _KEYWORDS),
    "dynamic_variable_name": rb"\$" + _SPACE + rb"[/#{$]",
    "object_creation_expression": rb"(?i)\bnew\b",
    "scoped_call_expression": b"::",
    **dict.fromkeys(("member_call_expression", "nullsafe_member_call_expression"), b"->"),
    # so ends its function (a name in a text by a letter, a digit or what is laid into it), or begins
    COMPUTED_CALL: rb"(?:\$[\w\x80-\xff]+|[\])}]|[\w\x80-\xff\])}]['\"])" + _GAP + rb"\(|<<<",
}
_SIGN_LENGTH: Final = 2
SIEVED: Final = frozenset(each for each in ANCHORS.values() if len(each) > _SIGN_LENGTH) - {ANCHORS[COMPUTED_CALL]}
"""Those whose absence is worth knowing beforehand; the others are found or not in no time."""
DECLARED: Final = (
    *("namespace_definition", "namespace_use_declaration", "function_definition", "method_declaration"),
    *("property_declaration", "class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
)
"""Kinds that stand in a file, in the braces of a namespace or in a class; all other places are said by keywords."""
_CLASSES: Final = frozenset({"class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"})
_FUNCTIONS: Final = frozenset({"function_definition", "method_declaration"})
_DECLARING: Final = frozenset({"class", "interface", "trait", "enum", "function"})
_DECLARATION: Final = (
    rb"(?i)\b(?:class|interface|trait|enum)\b[\s\x0b\w\\,:\x80-\xff]*[{/#(]"
    rb"|\bfunction\b(?:[\x00-\x20\x80-\xff&]*[\w\x80-\xff]+" + _SPACE + rb"[(/#]|[\x00-\x20\x80-\xff&]*[/#])"
)
"""The keyword of a class, or of a function that has a name; a match ends before the next keyword can begin."""
_MEMBERS_DEPTH: Final = 3
_MAX_CLIMB: Final = 2
MAX_PLACES: Final = 500
"""To ask what stands at a place costs as much as the tree is deep, and a hostile one is: a query costs its nodes."""


class Asked(NamedTuple):
    """What is asked for, by the way in which it is found."""

    declared: frozenset[str]
    standing: Mapping[bytes, frozenset[str]]  # the pattern of a token of the node → its kinds
    elsewhere: tuple[str, ...]

    @classmethod
    def of(cls, kinds: Iterable[str], at: Mapping[bytes, frozenset[str]]) -> Asked:
        """All nodes of these kinds, and those of the kinds of ``at`` where the pattern stands."""
        asked, standing = frozenset(kinds), dict(at)
        for kind in sorted(asked & ANCHORS.keys()):
            standing[ANCHORS[kind]] = standing.get(ANCHORS[kind], frozenset()) | {kind}
        return cls(asked.intersection(DECLARED), standing, tuple(sorted(asked - ANCHORS.keys() - set(DECLARED))))


def found(content: bytes, root: Node, declared: Iterable[Node], asked: Asked) -> list[tuple[Node, str]]:
    """Each node that is asked for, and its kind, once, in no order; ``declared``: its declarations."""
    hits = [(node, kind) for node in declared if (kind := node.type) in asked.declared]
    hits += [(node, node.type) for node in _captured(root, asked.elsewhere)] if asked.elsewhere else []
    for pattern, kinds in asked.standing.items():
        hits += _standing(content, root, pattern, kinds)
    return list({(node.id, kind): (node, kind) for node, kind in hits}.values())


def declarations(content: bytes, root: Node) -> list[Node]:
    """The nodes of :data:`DECLARED`."""
    nodes = _captured(root, DECLARED, _MEMBERS_DEPTH)
    # A class that stands alone has its members in reach.
    reached = sum(node.type in _FUNCTIONS or (node.type in _CLASSES and node.parent == root) for node in nodes)
    said = sum(1 for _ in finder(_DECLARATION).finditer(content))
    return nodes if said <= reached or _declaring(content, root) <= reached else _captured(root, DECLARED)


def _declaring(content: bytes, root: Node) -> int:
    """How many keywords of declarations there are, those of comments and texts left out; beyond counting: too many."""
    leaves = list(itertools.islice(_leaves(content, root, _DECLARATION), MAX_PLACES))
    return sum(leaf.type in _DECLARING for leaf in leaves) if len(leaves) < MAX_PLACES else sys.maxsize


def renamed(declared: Iterable[Node]) -> bool:
    """Whether an import may give a function another name (``use function … as …``)."""
    imports = (node.text or b"" for node in declared if node.type == "namespace_use_declaration")
    return any(b"function" in (said := each.lower()) and b"as" in said for each in imports)


def _standing(content: bytes, root: Node, pattern: bytes, kinds: frozenset[str]) -> list[tuple[Node, str]]:
    """Nodes of these kinds of which a token stands where the pattern does; all of them when that is in many places."""
    hits: list[tuple[Node, str]] = []
    for place, leaf in enumerate(_leaves(content, root, pattern)):
        if place == MAX_PLACES:
            plain = tuple(sorted("function_call_expression" if kind == COMPUTED_CALL else kind for kind in kinds))
            return [(node, kind) for node in _captured(root, plain) if (kind := _kind(node, kinds)) in kinds]
        above = leaf.parent
        for _ in range(_MAX_CLIMB):
            if above is None:
                break
            kind = _kind(above, kinds)
            if kind in kinds:
                hits.append((above, kind))
                break
            above = above.parent
    return hits


def _leaves(content: bytes, root: Node, pattern: bytes) -> Iterator[Node]:
    """What stands in the tree where the pattern does in the source; a comment or a text once, whatever it holds."""
    search = _search(pattern)
    place = search(content, 0)
    while place >= 0:
        leaf = root.descendant_for_byte_range(place, place + 1)
        if leaf is None:
            return
        yield leaf
        place = search(content, max(place + 1, leaf.end_byte if leaf.child_count == 0 else 0))


def _kind(node: Node, kinds: frozenset[str]) -> str:
    """The node's kind; where calls without a name are looked for, calls are these or nothing."""
    if COMPUTED_CALL not in kinds or node.type != "function_call_expression":
        return node.type
    function = node.child_by_field_name("function")
    return "" if function is None or function.type in _NAMED else COMPUTED_CALL


@functools.cache
def _search(pattern: bytes) -> Callable[[bytes, int], int]:
    """Where the pattern next stands at or after a place (its bracket, for a call without a name), -1 when nowhere."""
    if len(pattern) <= _SIGN_LENGTH:
        return lambda content, start: content.find(pattern, start)
    search, at_end = finder(pattern).search, pattern == ANCHORS[COMPUTED_CALL]

    def place(content: bytes, start: int) -> int:
        hit = search(content, start)
        return -1 if hit is None else hit.end() - 1 if at_end else hit.start()

    return place


def _captured(root: Node, kinds: tuple[str, ...], depth: int | None = None) -> list[Node]:
    cursor = QueryCursor(query(kinds))
    if depth is not None:
        cursor.set_max_start_depth(depth)
    return cursor.captures(root).get("node", [])
