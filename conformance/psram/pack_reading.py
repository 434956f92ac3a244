"""Reads a pack's files: YAML kept within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from psram.errors import PackError
from psram.malformed import fault
from psram.pack_sealed import MAX_BYTES
from psram.yaml_depth import nests_beyond
from psram.yaml_loader import read

_MAX_DEPTH: Final = 30
_PARSED_DEPTH: Final = 1000  # what the parser bears; told without reading tokens in most files
_MAX_NODES: Final = 100_000


def document(file: Path) -> dict[str, Any]:
    """The YAML object in a file.

    Raises:
        PackError: too big, not UTF-8, not YAML, nested too deep (the C parser would crash), multiplied by aliases
            beyond measure, or not an object.
    """
    try:
        if not file.is_file():
            raise PackError(f"{file.name} n'est pas un fichier")
        if file.stat().st_size > MAX_BYTES:
            raise PackError(f"{file.name} dépasse 1 Mio")
        text = file.read_text("utf-8")
        if nests_beyond(text, _PARSED_DEPTH):
            raise PackError(f"{file.name} imbrique plus de {_MAX_DEPTH} niveaux")
        content = read(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PackError(f"{file.name} ne peut pas être lu : {fault(error).said()}") from error
    _counted(content, file.name)
    if not isinstance(content, dict):
        raise PackError(f"{file.name} n'est pas un objet")
    return content


def _counted(content: object, name: str) -> None:
    """Refuse deep nesting, and what aliases multiply: the built object is small, walking it would never end."""
    waiting, seen = [(content, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > _MAX_DEPTH:
            raise PackError(f"{name} imbrique plus de {_MAX_DEPTH} niveaux")
        if seen > _MAX_NODES:
            raise PackError(f"{name} dépasse {_MAX_NODES} valeurs, alias développés")
        if isinstance(node, dict | list):
            inner = node.values() if isinstance(node, dict) else node
            waiting += [(value, depth + 1) for value in inner]
