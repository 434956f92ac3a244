"""JSON of other tools: bounded, of a known shape, or a French refusal."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from psram.errors import UsageError

MAX_BYTES: Final = 64 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


def loads(content: bytes, shape: Any, *, what: str) -> Any:
    """The document as ``shape`` (a msgspec type); ``what`` names it in French.

    Raises:
        UsageError: too big, not JSON, or of another shape.
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"{what} est trop grand")
    try:
        return msgspec.json.decode(content.removeprefix(_BOM), type=shape, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{what} n'est pas du JSON lisible, ou n'est pas ce qu'il dit être") from error
