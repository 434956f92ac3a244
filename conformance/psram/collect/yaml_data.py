"""Facts of a YAML file: its scalars by dotted path, with their lines.

The C parser crashes on deep nesting and an alias bomb is harmless until it is walked: nesting is counted before
parsing, and nodes while walking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

from psram.facts import DataFacts, Entry
from psram.malformed import fault
from psram.yaml_depth import nests_beyond
from psram.yaml_loader import LOADER

MAX_NESTING: Final = 100
MAX_ENTRIES: Final = 20_000
_MAX_VALUE: Final = 500


def facts(content: bytes) -> DataFacts:
    """The scalars of all documents, or why they cannot be read; never raises."""
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return DataFacts(problem="le fichier n'est pas en UTF-8")
    if too_deep(source):
        return DataFacts(problem=f"le fichier imbrique plus de {MAX_NESTING} niveaux")
    try:
        documents = list(yaml.compose_all(source, Loader=LOADER))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = fault(error)
        return DataFacts(problem=f"YAML illisible ({found.reason})", problem_line=found.line)
    return _flattened(documents)


def too_deep(source: str) -> bool:
    """Whether collections nest beyond the bound."""
    return nests_beyond(source, MAX_NESTING)


def _flattened(documents: Sequence[yaml.Node | None]) -> DataFacts:
    entries: list[Entry] = []
    visited = 0
    stack: list[tuple[str, yaml.Node, int]] = [("", d, 0) for d in reversed(documents) if d is not None]
    while stack:
        path, node, depth = stack.pop()
        visited += 1
        if visited > MAX_ENTRIES or depth > MAX_NESTING:
            return DataFacts(tuple(entries), problem="le fichier est trop grand ou ses alias se multiplient")
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            entries.append(Entry(path, node.value[:_MAX_VALUE], line))
        elif isinstance(node, yaml.MappingNode):
            pairs = [(_key(key), value) for key, value in node.value]
            stack.extend((f"{path}.{key}" if path else key, value, depth + 1) for key, value in reversed(pairs))
            if not pairs:
                entries.append(Entry(path, "", line))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend((f"{path}[{i}]", item, depth + 1) for i, item in reversed(list(enumerate(node.value))))
            if not node.value:
                entries.append(Entry(path, "", line))
    return DataFacts(tuple(entries))


def _key(node: yaml.Node) -> str:
    return node.value[:200] if isinstance(node, yaml.ScalarNode) else "?"
