"""Reads a pack's files: YAML kept within bounds, and the digest of what they say."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from psram.errors import PackError

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES: Final = 1024 * 1024
_MAX_DEPTH: Final = 30
_MAX_NODES: Final = 100_000
_OPENS: Final = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSES: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def document(file: Path) -> dict[str, Any]:
    """The YAML object in a file.

    Raises:
        PackError: too big, not UTF-8, not YAML, nested too deep (the C parser would crash), multiplied by aliases
            beyond measure, or not an object.
    """
    try:
        if not file.is_file():
            raise PackError(f"{file.name} n'est pas un fichier")
        if file.stat().st_size > _MAX_BYTES:
            raise PackError(f"{file.name} dépasse 1 Mio")
        text = file.read_text("utf-8")
        _shallow(text, file.name)
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506  the safe loader, in C
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PackError(f"{file.name} ne peut pas être lu : {error}") from error
    if not isinstance(content, dict):
        raise PackError(f"{file.name} n'est pas un objet")
    _counted(content, file.name)
    return content


def _counted(content: object, name: str) -> None:
    """Refuse what aliases multiply: the built object is small, walking it (for its digest) would never end."""
    waiting, seen = [content], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _MAX_NODES:
            raise PackError(f"{name} dépasse {_MAX_NODES} valeurs, alias développés")
        if isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _shallow(text: str, name: str) -> None:
    """Refuse deep nesting before anything is built; tokens come one by one."""
    depth = 0
    for token in yaml.scan(text, Loader=_LOADER):
        if isinstance(token, _OPENS):
            depth += 1
        elif isinstance(token, _CLOSES):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise PackError(f"{name} imbrique plus de {_MAX_DEPTH} niveaux")


def digest(content: object) -> str:
    """``sha256:…`` of the content in canonical JSON: neither layout nor comments of the YAML count."""
    canonical = msgspec.json.encode(content, order="deterministic")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()
