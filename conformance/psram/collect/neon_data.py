"""Facts of PHPStan's settings (NEON, an indented text like YAML): its keys by dotted path, list items numbered.

What is not a simple key or item is kept as text; nothing is computed, nothing is included.
"""

from __future__ import annotations

import re
from typing import Final

from psram.facts import DataFacts, Entry

_MAX_LINES: Final = 100_000
_MAX_ENTRIES: Final = 20_000
_MAX_DEPTH: Final = 100
_LINE: Final = re.compile(r"^([ \t]*)((?:-[ \t]+)*)(?:(-)$|([\w.%\\-]+)[ \t]*[:=](?:[ \t]+(.*))?$|(.+)$)")


def facts(content: bytes) -> DataFacts:
    """The settings, flattened; never raises."""
    entries: list[Entry] = []
    stack: list[tuple[int, str, int]] = []  # indentation, path, items so far
    for number, raw in enumerate(content.decode("utf-8", "replace").splitlines()[:_MAX_LINES], 1):
        line = raw.split(" #")[0].rstrip() if "'" not in raw and '"' not in raw else raw.rstrip()
        found = _LINE.match(line.expandtabs(4)[:1000]) if line.strip() and not line.lstrip().startswith("#") else None
        if found is None:
            continue
        indent = len(found[1])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        path = _under(stack, indent, found[2].count("-") + (1 if found[3] else 0))
        key, value = found[4], found[5] if found[4] else found[6]
        if key:
            path = f"{path}.{key}".lstrip(".")
            stack.append((indent + len(found[2]), path, 0))
        if value is not None and len(entries) < _MAX_ENTRIES:
            entries.append(Entry(path, value.strip().strip("'\"")[:500], number))
        if len(stack) > _MAX_DEPTH:
            return DataFacts(tuple(entries), problem=f"le fichier imbrique plus de {_MAX_DEPTH} niveaux")
    return DataFacts(tuple(entries))


def _under(stack: list[tuple[int, str, int]], indent: int, dashes: int) -> str:
    """The path of what holds this line; a dash starts a new item of it."""
    if not stack:
        return ""
    level, path, items = stack[-1]
    if not dashes:
        return path
    stack[-1] = (level, path, items + 1)
    item = f"{path}[{items}]"
    stack.append((indent, item, 0))
    return item
