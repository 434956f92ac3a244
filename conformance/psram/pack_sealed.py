"""The digest that seals a pack, and what its YAML said then, written down: to parse it again takes ten times as long.

What was written down is of use only while the YAML is, to the byte, what was sealed, and it is not trusted: the pack's
digest is computed from it as from the YAML. Without it, or beside other YAML, the YAML is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_BYTES: Final = 1024 * 1024
"""Of one file of a pack."""
NAME: Final = "sealed.msgpack"
_DATE: Final = 1
"""The code of a date, which MessagePack has no type for."""
_MAX_BYTES: Final = 16 * 1024 * 1024
_DAMAGED: Final = (OSError, msgspec.DecodeError, ValueError, TypeError, RecursionError)


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """``source`` is the digest of the files; ``documents`` what each says, ``pack.yaml`` first."""

    source: bytes
    documents: list[dict[str, Any]]


def digest(content: object) -> str:
    """``sha256:…`` of the content in canonical JSON: neither layout nor comments of the YAML count."""
    canonical = msgspec.json.encode(content, order="deterministic")
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def documents(folder: Path, rules: Sequence[Path]) -> list[dict[str, Any]] | None:
    """What ``pack.yaml`` and these files say, in their order; ``None`` when that is to be read in them."""
    file = folder / NAME
    try:
        if not (folder / "digest").is_file() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return None
        kept = msgspec.msgpack.decode(file.read_bytes(), type=_Sealed, ext_hook=_read)
        digest(kept.documents)  # a document has texts for keys, and nothing that JSON has not
        source = _source(folder, rules)
    except _DAMAGED:
        return None
    return kept.documents if kept.source == source and len(kept.documents) == 1 + len(rules) else None


def write(folder: Path, rules: Sequence[Path]) -> None:
    """Write down what these files say."""
    from psram import pack_reading

    said = [_writable(pack_reading.document(file)) for file in (folder / "pack.yaml", *rules)]
    (folder / NAME).write_bytes(msgspec.msgpack.encode(_Sealed(_source(folder, rules), said)))


def _source(folder: Path, rules: Sequence[Path]) -> bytes:
    """The digest of the names and bytes of the files; raises ``ValueError`` for one that is too big or no file."""
    made = hashlib.sha256()
    for file in (folder / "pack.yaml", *rules):
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            raise ValueError(file.name)
        content = file.read_bytes()
        made.update(f"{file.name}\0{len(content)}\0".encode())
        made.update(content)
    return made.digest()


def _read(code: int, said: memoryview) -> object:
    if code != _DATE:
        raise ValueError(code)
    return date.fromisoformat(bytes(said).decode("ascii"))


def _writable(value: Any) -> Any:
    match value:
        case dict():
            return {key: _writable(each) for key, each in value.items()}
        case list():
            return [_writable(each) for each in value]
        case date():
            return msgspec.msgpack.Ext(_DATE, value.isoformat().encode("ascii"))
        case _:
            return value
