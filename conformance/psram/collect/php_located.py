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
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from tree_sitter import Node, QueryCursor

from psram.collect.php_below import query
from psram.collect.sieve import finder

COMPUTED_CALL: Final = "computed call"
"""The kind of calls of a function that is not named: asked for as such, though no kind of the grammar's."""
_NAMED: Final = frozenset({"name", "qualified_name", "relative_name"})
_SPACE: Final = rb"[\x00-\x20\x80-\xff]*"
_SPACES: Final = bytes([*range(ord(" ") + 1), *range(0x80, 0x100)])
_KEYWORDS: Final = rb"(?i)\b(?:exit|global|goto|(?:include|require)(?:_once)?)\b"
ANCHORS: Final[Mapping[str, bytes]] = {
    # kind → the pattern that begins with a token which is its child
    "error_suppression_expression": b"@",
    "shell_command_expression": b"`",
    **dict.fromkeys(("exit_statement", "global_declaration", "goto_statement"), _KEYWORDS),
    **dict.fromkeys(("include_expression", "include_once_expression"), _KEYWORDS),
    **dict.fromkeys(("require_expression", "require_once_expression"), _KEYWORDS),
    "dynamic_variable_name": rb"\$" + _SPACE + rb"[/#{$]",
    "object_creation_expression": rb"(?i)\bnew\b",
    "scoped_call_expression": b"::",
    **dict.fromkeys(("member_call_expression", "nullsafe_member_call_expression"), b"->"),
    # how its function ends (a name in a text by a letter, a digit or what is laid into it), then a bracket or a comment
    # (which is not read here: texts hold the signs of comments); or how it begins
    COMPUTED_CALL: rb"(?:\$[\w\x80-\xff]+|[\])}]|[\w\x80-\xff\])}]['\"])" + _SPACE + rb"(?:[(#]|/[/*])|<<<",
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
_MAX_CLIMB: Final = 3
MAX_PLACES: Final = 500
MAX_S: Final = 0.1


class _Patience:
    """Whether to go on asking what stands at one place after the other of a file; a query gives the same nodes.

    An answer takes as long as the tree is deep there, which a hostile file chooses; a query, as long as it has nodes.
    """

    def __init__(self) -> None:
        self._left = MAX_PLACES
        self._ends = time.perf_counter() + MAX_S

    def ended(self) -> bool:
        """Said before each place."""
        self._left -= 1
        return self._left < 0 or time.perf_counter() > self._ends


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
    elsewhere, patience = set(asked.elsewhere), _Patience()
    for pattern, kinds in asked.standing.items():
        standing = _standing(content, root, pattern, kinds, patience)
        hits += standing or ()
        elsewhere |= kinds if standing is None else frozenset()
    hits += _everywhere(root, frozenset(elsewhere)) if elsewhere else []
    return list({(node.id, kind): (node, kind) for node, kind in hits}.values())


def declarations(content: bytes, root: Node) -> list[Node]:
    """The nodes of :data:`DECLARED`."""
    nodes = _captured(root, DECLARED, _MEMBERS_DEPTH)
    # A class that stands alone has its members in reach.
    reached = sum(node.type in _FUNCTIONS or (node.type in _CLASSES and node.parent == root) for node in nodes)
    said = sum(1 for _ in finder(_DECLARATION).finditer(content))
    return nodes if said <= reached or _declaring(content, root) <= reached else _captured(root, DECLARED)


def _declaring(content: bytes, root: Node) -> int:
    """How many keywords of declarations there are, those of comments and texts left out; beyond patience: too many."""
    patience, said = _Patience(), 0
    for leaf in _leaves(content, root, _DECLARATION):
        if patience.ended():
            return sys.maxsize
        said += leaf.type in _DECLARING
    return said


def renamed(declared: Iterable[Node]) -> bool:
    """Whether an import may give a function another name (``use function … as …``)."""
    imports = (node.text or b"" for node in declared if node.type == "namespace_use_declaration")
    return any(b"function" in (said := each.lower()) and b"as" in said for each in imports)


def _standing(
    content: bytes, root: Node, pattern: bytes, kinds: frozenset[str], patience: _Patience
) -> list[tuple[Node, str]] | None:
    """Nodes of these kinds of which a token stands where the pattern does; ``None`` when patience ended before."""
    hits: list[tuple[Node, str]] = []
    for leaf in _leaves(content, root, pattern):
        if patience.ended():
            return None
        above = leaf.parent
        for _ in range(_MAX_CLIMB):
            if above is None:
                break
            if (kind := _kind(above, kinds)) in kinds:  # the call of a call ends with it: both
                hits.append((above, kind))
            above = above.parent
    return hits


def _everywhere(root: Node, kinds: frozenset[str]) -> list[tuple[Node, str]]:
    """All nodes of these kinds, by a visit of the whole tree."""
    calls = {"function_call_expression"} if COMPUTED_CALL in kinds else set()
    plain = tuple(sorted(kinds - {COMPUTED_CALL} | calls))
    computed = frozenset({COMPUTED_CALL})
    found = [(node, kind) for node in _captured(root, plain) if (kind := node.type) in kinds]
    return found + [(n, COMPUTED_CALL) for n in (_captured(root, tuple(calls)) if calls else ()) if _kind(n, computed)]


def _leaves(content: bytes, root: Node, pattern: bytes) -> Iterator[Node]:
    """What stands in the tree where the pattern does in the source; a comment or a text once, whatever it holds."""
    search = _search(pattern)
    place = search(content, 0)
    while place >= 0:
        leaf = root.descendant_for_byte_range(place, place + 1)
        if leaf is None:
            return
        yield leaf
        # its last byte can belong to what stands after it: the end of a text that is called
        place = search(content, max(place + 1, leaf.end_byte - 1 if leaf.child_count == 0 else 0))


def _kind(node: Node, kinds: frozenset[str]) -> str:
    """The node's kind; where calls without a name are looked for, calls are these or nothing."""
    if COMPUTED_CALL not in kinds or node.type != "function_call_expression":
        return node.type
    function = node.child_by_field_name("function")
    return "" if function is None or function.type in _NAMED else COMPUTED_CALL


@functools.cache
def _search(pattern: bytes) -> Callable[[bytes, int], int]:
    """Where the pattern next stands at or after a place, -1 when nowhere.

    Of a call without a name: the last byte of its function.
    """
    if len(pattern) <= _SIGN_LENGTH:
        return lambda content, start: content.find(pattern, start)
    search, at_end = finder(pattern).search, pattern == ANCHORS[COMPUTED_CALL]

    def place(content: bytes, start: int) -> int:
        hit = search(content, start)
        if hit is None or not at_end:
            return -1 if hit is None else hit.start()
        return hit.start() + len(hit[0].rstrip(b"(#/*").rstrip(_SPACES)) - 1

    return place


def _captured(root: Node, kinds: tuple[str, ...], depth: int | None = None) -> list[Node]:
    cursor = QueryCursor(query(kinds))
    if depth is not None:
        cursor.set_max_start_depth(depth)
    return cursor.captures(root).get("node", [])
