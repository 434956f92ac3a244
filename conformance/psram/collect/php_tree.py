"""What an extractor of PHP facts is given, and what it gives back.

To add facts about PHP: write a new module ``collect/php_<subject>.py`` that ends in ::

    EXTRACTOR: Final = Extractor(nodes={"property_declaration": _property}, finish=_finish)

and name it once in ``EXTRACTORS`` of :mod:`psram.collect.php`. Each file is parsed once, and the nodes that are asked
for are found once for all extractors:

* ``nodes``: kind of node → function called with the file and each such node, in the order of the source; ``file.names``
  then holds the namespace and the imports in force at that place. A kind that is asked for in every file is a
  declaration or has a token of its own (:mod:`psram.collect.php_located`);
* ``finish``: called once after all nodes, for what needs the whole file (a regular expression over ``file.content``
  then ``file.root.descendant_for_byte_range`` is far cheaper than a Python walk over the tree);
* ``nodes_if`` and ``finish_if``: the same for what few files have, by the pattern without which there is nothing to
  find (:mod:`psram.collect.sieve`): all patterns of all extractors together cost one pass over the content. ``asks``
  names more of them: ``file.held`` says which the content holds;
* ``nodes_at``: the same for calls by name (:func:`function_calls`, :func:`method_calls`, :func:`static_calls`): of the
  calls in a file that holds the pattern, those where one of these patterns stands, and maybe others.

Results: ``file.mark(node, kind, name, detail)`` adds a :class:`psram.facts.Mark`; for more, add a field with a default
at the end of :class:`psram.facts.PhpFacts` and set ``file.fields["that_field"] = value`` in ``finish``. A file with a
syntax error reaches no extractor. Extractors keep no state between files (``file.state`` is theirs, by module name),
bound whatever a hostile file can multiply, and never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tree_sitter import Node

from psram.collect.php_names import Names
from psram.facts import Mark, SqlSite

MAX_MARKS: Final = 5000
MAX_SITES: Final = 300


@dataclass(slots=True)
class PhpFile:
    """One parsed PHP content, and what extractors found in it so far."""

    content: bytes
    root: Node
    held: frozenset[bytes] = frozenset()
    names: Names = field(default_factory=Names)
    marks: list[Mark] = field(default_factory=list)
    sql: list[SqlSite] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    _lines: list[bytes] | None = None
    _lower: bytes | None = None
    _call: tuple[Node | None, str] = (None, "")

    @property
    def lower(self) -> bytes:
        """The content in lower case (ASCII), made once: for plain searches, which tell most files apart cheaply."""
        if self._lower is None:
            self._lower = self.content.lower()
        return self._lower

    @property
    def lines(self) -> list[bytes]:
        """The content's lines, cut once."""
        if self._lines is None:
            self._lines = self.content.split(b"\n")
        return self._lines

    def excerpt(self, line: int) -> str:
        """The line's text without spaces, for fingerprints; ``line`` is 1-based."""
        return stripped(self.lines[line - 1]) if 0 < line <= len(self.lines) else ""

    def called(self, node: Node) -> str:
        """The function that a call names, imports followed, in lower case; empty when the name is computed."""
        if self._call[0] is not node:  # each extractor asks, one after the other
            self._call = (node, self._named(node))
        return self._call[1]

    def _named(self, node: Node) -> str:
        function = node.child_by_field_name("function")
        if function is None or function.type not in ("name", "qualified_name"):
            return ""
        raw = self.content[function.start_byte : function.end_byte]
        written = raw.decode("utf-8", "replace").lower().lstrip("\\")
        return self.names.functions.get(written, written)

    def mark(self, node: Node, kind: str, name: str = "", detail: str = "") -> None:
        """Note something on the node's line."""
        line = node.start_point.row + 1
        self.marks.append(Mark(line, kind, name, detail[:200], self.excerpt(line)))

    @property
    def flooded(self) -> bool:
        """Whether there is so much that what comes after could be hidden by it."""
        return len(self.sql) > MAX_SITES or len(self.marks) > MAX_MARKS


Visit = Callable[[PhpFile, Node], None]
Finish = Callable[[PhpFile], None]


class Extractor(NamedTuple):
    """What one module draws from a file; see this module's head."""

    nodes: Mapping[str, Visit] = {}
    finish: Finish | None = None
    asks: tuple[bytes, ...] = ()
    nodes_if: Mapping[bytes, Mapping[str, Visit]] = {}
    nodes_at: Mapping[bytes, Mapping[str, Visit]] = {}
    finish_if: Mapping[bytes, Finish] = {}


_BETWEEN: Final = rb"[\x00-\x20\x80-\xff]*"
"""White space as tree-sitter knows it, beyond ASCII too; a comment begins with one of the two signs that follow it."""


def function_calls(names: Iterable[str]) -> bytes:
    """The pattern of calls of these functions by their names."""
    written = b"|".join(name.encode() for name in sorted(names))
    return rb"(?i)\b(?:" + written + rb")" + _BETWEEN + rb"[(/#]"


def method_calls(names: Iterable[str]) -> bytes:
    """The pattern of calls of these methods on an object."""
    written = b"|".join(name.encode() for name in sorted(names))
    return rb"(?i)->" + _BETWEEN + rb"(?:(?:" + written + rb")\b|[/#{])"


def static_calls(names: Iterable[str]) -> bytes:
    """The pattern of calls of these methods on a class."""
    written = b"|".join(name.encode() for name in sorted(names))
    return rb"(?i)::" + _BETWEEN + rb"(?:(?:" + written + rb")\b|[/#{])"


def stripped(line: bytes) -> str:
    """A line's text without any white space, bounded."""
    return "".join(line[:2000].decode("utf-8", "replace").split())[:400]
