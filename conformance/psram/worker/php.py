"""Compiles PHP files with a real PHP of the hosted version; nothing is ever executed.

One warm PHP forks a child per batch (``driver.php``). Where opcache or pcntl is missing, ``php -l`` judges each
file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from psram.errors import CollectError
from psram.facts import Syntax, SyntaxFacts
from psram.vocabulary import Limits, Php
from psram.worker import programs

DRIVER: Final = Path(__file__).with_name("driver.php")
BATCH: Final = 64
OK: Final = Syntax(ok=True)
_BARE: Final = ("-n", "-d", "display_errors=0", "-d", "log_errors=0", "-d", "html_errors=0")
_WARM: Final = (
    *_BARE,
    *("-d", "zend_extension=opcache", "-d", "opcache.enable_cli=1", "-d", "opcache.file_update_protection=0"),
    *("-d", "opcache.jit=off", "-d", "opcache.jit_buffer_size=0", "-d", "opcache.memory_consumption=8"),
    *("-d", "opcache.interned_strings_buffer=0", "-d", "opcache.max_accelerated_files=200"),
    *("-d", "opcache.max_file_size=1", "-d", "memory_limit=256M"),
)
_LINT_ERROR: Final = re.compile(r"(?:PHP )?(?:Parse|Fatal) error:\s+(.*) in \S+ on line (\d+)")
_MAX_LINE_BYTES: Final = 4096


def version(php: Php) -> str | None:
    """The full version of this PHP, or ``None`` when it is absent or not the hosted one."""
    with asked(php) as told:
        return told()


@contextlib.contextmanager
def asked(php: Php) -> Iterator[Callable[[], str | None]]:
    """Begins to ask this PHP for its version; what is given waits for it, and answers as :func:`version`."""
    argv = [php.program, "-n", "-r", "echo PHP_VERSION;"]
    with contextlib.ExitStack() as stack:
        begun = programs.begun(argv, doing="recherche de PHP", timeout_s=10, max_bytes=200)
        try:
            said = stack.enter_context(begun)
        except CollectError:
            yield lambda: None
        else:
            yield lambda: _hosted(php, said)


def _hosted(php: Php, said: Callable[[], bytes]) -> str | None:
    try:
        found = said().decode("ascii", "replace").partition("-")[0]
    except CollectError:
        return None
    return found if found.startswith(php.version + ".") else None


def syntax(php: Php, contents: Iterable[tuple[str, bytes]], limits: Limits) -> SyntaxFacts | None:
    """What the hosted PHP says of each content, by blob id; ``None`` when that PHP is not here.

    A content that this PHP could not judge (its child died without a word) has no verdict.
    """
    found = version(php)
    if found is None:
        return None
    verdicts: dict[str, Syntax] = {}
    batch: list[tuple[str, bytes]] = []
    with Compiler(php, limits.timeout_s) as compiler:
        for content in contents:
            batch.append(content)
            if len(batch) == BATCH:
                verdicts |= compiler.verdicts(batch)
                batch = []
        verdicts |= compiler.verdicts(batch)
    return SyntaxFacts(php_version=found, verdicts=dict(sorted(verdicts.items())))


class Compiler:
    """A warm PHP, started at the first file. To be used in a ``with``; its files lie in a folder of its own.

    ``start`` gives it a batch to work on meanwhile, ``finish`` waits for the verdicts.
    """

    def __init__(self, php: Php, timeout_s: float) -> None:
        self._php = php
        self._timeout_s = timeout_s
        self._folder = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._warm = True
        self._answered = False
        self._files: list[str] = []

    def __enter__(self) -> Compiler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End PHP and remove its files."""
        self._ended()
        if self._folder:
            self._cleared()
            with contextlib.suppress(OSError):
                os.rmdir(self._folder)  # noqa: PTH106

    def begin(self) -> None:
        """Start PHP, so that it is warm when files come."""
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix="psram-php-")
        if self._warm and self._process is None:
            try:
                self._process = subprocess.Popen(
                    [self._php.program, *_WARM, str(DRIVER)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=self._folder,
                    env=programs.environment(),
                )
            except OSError:
                self._give_up_warmth()

    def verdicts(self, contents: Sequence[tuple[str, bytes]]) -> dict[str, Syntax]:
        """What PHP says of each content; nothing of those that it could not judge."""
        self.start(contents)
        return self.finish()

    def start(self, contents: Sequence[tuple[str, bytes]]) -> None:
        """Write the contents (at most :data:`BATCH`) as files named by their ids, and let PHP begin."""
        if not contents:
            return
        self.begin()
        for blob, content in contents:
            name = f"{self._folder}/{blob}.php"
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)
            self._files.append(name)
        if self._warm:
            try:
                self._tell()
            except OSError:
                self._give_up_warmth()

    def finish(self) -> dict[str, Syntax]:
        """The verdicts of what was started."""
        if not self._files:
            return {}
        try:
            said = self._heard() if self._warm and self._process is not None else None
            if said is None:
                self._give_up_warmth()
                return dict(self._one_by_one())
            self._answered = True
            return said
        finally:
            self._cleared()

    def _tell(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("\n".join([*self._files, "", ""]).encode())
        self._process.stdin.flush()

    def _heard(self) -> dict[str, Syntax] | None:
        """The driver's verdicts, ``None`` when it did not work to the end."""
        assert self._process is not None
        assert self._process.stdout is not None
        said = {Path(file).stem: OK for file in self._files}
        timer = programs.Alarm(self._process, self._timeout_s)
        try:
            while (line := self._process.stdout.readline(_MAX_LINE_BYTES)) not in (b".\n", b""):
                blob, verdict = _told(line)
                if verdict is None:
                    said.pop(blob, None)
                elif blob in said:
                    said[blob] = verdict
        finally:
            timer.cancel()
        return said if line else None

    def _one_by_one(self) -> Iterator[tuple[str, Syntax]]:
        for file in self._files:
            argv = [self._php.program, "-n", "-d", "display_errors=1", "-d", "html_errors=0", "-l", file]
            try:
                said = programs.output(argv, doing="php -l", timeout_s=20, max_bytes=65536, ok=(0, 255))
            except CollectError:
                continue
            text = said.decode("utf-8", "replace")
            error = _LINT_ERROR.search(text)
            if error is not None:
                message = error[1].replace(self._folder + "/", "")[:300]
                if not message.startswith("Allowed memory size"):
                    yield Path(file).stem, Syntax(ok=False, line=int(error[2]), error=message)
            elif "No syntax errors" in text:
                yield Path(file).stem, OK

    def _give_up_warmth(self) -> None:
        """A driver that never answered never will (no opcache, no pcntl); one that did is started again."""
        self._warm = self._answered
        self._ended()

    def _ended(self) -> None:
        if self._process is not None:
            programs.end_alone(self._process)
            self._process = None

    def _cleared(self) -> None:
        for file in self._files:
            with contextlib.suppress(OSError):
                os.unlink(file)  # noqa: PTH108
        self._files = []


def _told(line: bytes) -> tuple[str, Syntax | None]:
    try:
        said = json.loads(line)
        if said["ok"] is None:
            return said["f"], None
        return said["f"], Syntax(ok=False, line=int(said["l"]), error=str(said["m"]))
    except (ValueError, KeyError, TypeError):
        return "", None
