"""Which parameters a check reads, so that a pack with a misspelt one is refused instead of silently ignored."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import NamedTuple


def read(module: ModuleType) -> frozenset[str]:
    """The words that may be a parameter's name in a check: all strings in its code and in that of its helpers.

    Wider than what is really read, never narrower: a name that appears nowhere in the code cannot be read by it.
    """
    waiting, seen = [module.__name__], set[str]()
    words: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in sys.modules:
            seen.add(name)
            own = _own(name)
            words |= own.words
            waiting += own.helpers
    return frozenset(words)


class _Own(NamedTuple):
    words: frozenset[str]
    helpers: tuple[str, ...]


@functools.cache  # checks share their helpers
def _own(name: str) -> _Own:
    """The strings in the code of a module, and the modules of ours whose functions or classes it uses."""
    module = sys.modules[name]
    values = tuple(vars(module).values())
    codes = (code for value in values if getattr(value, "__module__", None) == name for code in _codes(value))
    used = {_home(value) for value in values}
    return _Own(
        frozenset(word for code in codes for word in _strings(code)),
        tuple(sorted(n for n in used if n.startswith("psram."))),
    )


def _home(value: object) -> str:
    """The module that a name of another module comes from, or is."""
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", "") or "")


def _codes(value: object) -> Iterator[CodeType]:
    if isinstance(value, FunctionType):
        yield value.__code__
    elif isinstance(value, type):
        for member in vars(value).values():
            inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if isinstance(inner, FunctionType):
                yield inner.__code__


def _strings(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple | frozenset):
            yield from (item for item in constant if isinstance(item, str))
        elif isinstance(constant, CodeType):
            yield from _strings(constant)
