"""Digests of what facts depend on besides the content: the code that draws them, its parsers, and PHP."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from psram.vocabulary import Php
from psram.worker import php as php_worker
from psram.worker.store import FactCache

_HERE: Final = Path(__file__).resolve().parent.parent
_ROOTS: Final = ("collect/contents.py", "collect/composer.py", "collect/reading.py")
_IMPORT: Final = re.compile(r"^\s*from psram(\.[\w.]+)? import (?:\(([^)]*)\)|([^\n(]+))$", re.MULTILINE)
_DOORS: Final = (_HERE / "__init__.py", _HERE / "collect" / "__init__.py")
"""Packages that only say what they hold."""
_PARSERS: Final = ("tree_sitter", "tree_sitter_php", "re2", "yaml", "msgspec")


@functools.cache
def digest() -> str:
    """Changes when the same content could give other facts: other code, data, parsers or Python."""
    made = hashlib.sha256(f"{sys.version_info[:2]} {sys.byteorder}".encode())
    for file in code():
        content = file.read_bytes()
        made.update(f"\0{file.relative_to(_HERE)}\0{len(content)}\0".encode())
        made.update(content)
    for name in _PARSERS:
        made.update(f"\0{name}\0{_version(name)}".encode())
    return made.hexdigest()


def code() -> tuple[Path, ...]:
    """The modules that decide which facts a content gives: those that read it, and all of ours that they import."""
    waiting, found = [_HERE / name for name in _ROOTS], set[Path]()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imported(module.read_text("utf-8"))
    return tuple(sorted(found))


def _imported(source: str) -> Iterator[Path]:
    for said in _IMPORT.finditer(source):
        folder = _HERE.joinpath(*(said[1] or "").strip(".").split("."))
        names = re.findall(r"\w+", said[2] or said[3])
        found = [folder / f"{name}.py" for name in names] + [folder.with_suffix(".py"), folder / "__init__.py"]
        yield from (module for module in found if module.is_file() and module not in _DOORS)


def _version(name: str) -> str:
    """The version of an installed package, by the name of its metadata folder: nothing of it is imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return ""
    beside = Path(spec.origin).parent.parent
    wanted = {"yaml": "pyyaml", "re2": "google_re2"}.get(name, name)
    found = sorted(e.name for e in os.scandir(beside) if e.name.lower().startswith(f"{wanted}-"))
    state = Path(spec.origin).stat()
    return ",".join(found) if found else f"{state.st_size}:{state.st_mtime_ns}"


@contextlib.contextmanager
def php_asked(php: Php | None, cache: FactCache | None) -> Iterator[Callable[[], str | None]]:
    """Begins to ask this PHP for its full version, once per program file; what is given waits for it.

    ``None`` when it is absent or not the hosted one.
    """
    key = _php_key(php) if php is not None else None
    known = cache.get([key]).get(key) if cache is not None and key is not None else None
    if php is None or key is None:
        yield lambda: None
    elif known is not None and re.fullmatch(re.escape(php.version).encode() + rb"\.[0-9]+", known):
        yield known.decode
    else:
        with php_worker.asked(php) as told:
            yield lambda: _kept(told(), key, cache)


def _php_key(php: Php) -> bytes | None:
    """What names this file of this program, ``None`` without it."""
    program = shutil.which(php.program)
    if program is None:
        return None
    try:
        state = Path(program).resolve().stat()
    except OSError:
        return None
    named = f"php\0{program}\0{state.st_ino}\0{state.st_size}\0{state.st_mtime_ns}\0{php.version}"
    return hashlib.sha256(named.encode()).digest()


def _kept(version: str | None, key: bytes, cache: FactCache | None) -> str | None:
    if cache is not None and version is not None:
        cache.put({key: version.encode()})
    return version


def php_digest(version: str) -> str:
    """Changes when the same content could get another verdict: another PHP, or another way to ask it."""
    made = hashlib.sha256(version.encode())
    for file in (php_worker.DRIVER, Path(php_worker.__file__)):
        made.update(file.read_bytes())
    return made.hexdigest()
