"""Compiles PHP files with a real PHP of the hosted version; nothing is ever executed.

One warm PHP forks a child per batch (``driver.php``). Where opcache or pcntl is missing, ``php -l`` judges each
file.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from psram.errors import CollectError
from psram.facts import Syntax, SyntaxFacts
from psram.model import Limits, Php
from psram.worker import programs

_DRIVER: Final = Path(__file__).with_name("driver.php")
_BARE: Final = ("-n", "-d", "display_errors=0", "-d", "log_errors=0", "-d", "html_errors=0")
_WARM: Final = (
    *_BARE,
    *("-d", "zend_extension=opcache", "-d", "opcache.enable_cli=1", "-d", "opcache.file_update_protection=0"),
    *("-d", "opcache.jit=off", "-d", "opcache.memory_consumption=64", "-d", "memory_limit=256M"),
)
_LINT_ERROR: Final = re.compile(r"(?:PHP )?(?:Parse|Fatal) error:\s+(.*) in \S+ on line (\d+)")


def version(php: Php) -> str | None:
    """The full version of this PHP, or ``None`` when it is absent or not the hosted one."""
    try:
        answer = programs.output(
            [php.program, "-n", "-r", "echo PHP_VERSION;"], doing="recherche de PHP", timeout_s=10, max_bytes=200
        )
    except CollectError:
        return None
    found = answer.decode("ascii", "replace").partition("-")[0]
    return found if found.startswith(php.version + ".") else None


def syntax(php: Php, contents: Iterable[tuple[str, bytes]], limits: Limits) -> SyntaxFacts | None:
    """What the hosted PHP says of each content, by blob id; ``None`` when that PHP is not here.

    A content that this PHP could not judge (its child died without a word) has no verdict.
    """
    found = version(php)
    if found is None:
        return None
    with tempfile.TemporaryDirectory(prefix="psram-php-") as folder:
        files = [_written(Path(folder), blob, content) for blob, content in contents]
        verdicts = dict(_warm(php, files, limits)) if files else {}
        missing = [file for file in files if file.stem not in verdicts]
        verdicts.update(_one_by_one(php, missing[:200], limits))
    return SyntaxFacts(php_version=found, verdicts=dict(sorted(verdicts.items())))


def _written(folder: Path, blob: str, content: bytes) -> Path:
    file = folder / f"{blob}.php"
    file.write_bytes(content)
    return file


def _warm(php: Php, files: list[Path], limits: Limits) -> Iterator[tuple[str, Syntax]]:
    asked = "\n".join(map(str, files)).encode()
    argv = [php.program, *_WARM, str(_DRIVER)]
    try:
        answer = programs.output(
            argv,
            doing="compilation PHP",
            timeout_s=limits.timeout_s,
            max_bytes=64 * 1024 * 1024,
            stdin=asked,
            ok=(0, 1, 3, 255),
        )
    except CollectError:
        return
    for line in answer.splitlines():
        try:
            said = json.loads(line)
            if said["ok"] is not None:
                yield said["f"], Syntax(ok=said["ok"], line=said["l"], error=said["m"])
        except (ValueError, KeyError, TypeError):
            continue


def _one_by_one(php: Php, files: list[Path], limits: Limits) -> Iterator[tuple[str, Syntax]]:
    for file in files:
        argv = [php.program, "-n", "-d", "display_errors=1", "-d", "html_errors=0", "-l", str(file)]
        try:
            said = programs.output(argv, doing="php -l", timeout_s=20, max_bytes=65536, ok=(0, 255))
        except CollectError:
            continue
        text = said.decode("utf-8", "replace")
        error = _LINT_ERROR.search(text)
        if error is not None:
            yield file.stem, Syntax(ok=False, line=int(error[2]), error=error[1][:300])
        elif "No syntax errors" in text:
            yield file.stem, Syntax(ok=True)
