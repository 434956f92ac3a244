"""Which parameters a check reads, so that a pack with a misspelt one is refused instead of silently ignored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType


def read(module: ModuleType) -> frozenset[str]:
    """The words that may be a parameter's name in a check: all strings in its code and in that of its helpers.

    Wider than what is really read, never narrower: a name that appears nowhere in the code cannot be read by it.
    """
    words: set[str] = set()
    for found in _with_helpers(module):
        for value in vars(found).values():
            if getattr(value, "__module__", None) == found.__name__:
                for code in _codes(value):
                    words.update(_strings(code))
    return frozenset(words)


def _with_helpers(module: ModuleType) -> Iterator[ModuleType]:
    """The module and those of ``psram.checks`` and ``psram`` whose functions or classes it uses."""
    waiting, seen = [module.__name__], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in sys.modules:
            continue
        seen.add(name)
        yield sys.modules[name]
        used = {_home(value) for value in vars(sys.modules[name]).values()}
        waiting += sorted(n for n in used if n.startswith("psram."))


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
