"""The loader of every YAML file that the engine reads: plain data only, in C where the library has it."""

from __future__ import annotations

from typing import Final

import yaml

LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_VALUE: Final = (ValueError, LookupError, AttributeError, TypeError)
"""What the library lets out of a value that is not of its type: ``!!int ''``, ``!!bool x``, a thirteenth month."""


def read(text: str) -> object:
    """What a document says.

    Raises:
        yaml.YAMLError: it is not YAML, or one of its values is not of the type that it says.
    """
    try:
        return yaml.load(text, Loader=LOADER)  # noqa: S506  the safe loader, in C
    except _NO_VALUE as error:
        raise yaml.YAMLError(str(error)) from error
