"""What the terminal can show: its size, colours, and what goes on while nothing is printed yet."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

WIDEST: Final = 120
SILENCE_S: Final = 0.8
"""Nothing is said of work that takes less."""
_BEAT_S: Final = 0.25


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: a terminal that knows them, and no ``NO_COLOR`` (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def size(stream: TextIO) -> tuple[int, int]:
    """Width and height in characters; a width of 0 where lines must not be folded (a file, a pipe)."""
    columns, lines = shutil.get_terminal_size((80, 24))
    return (max(columns, 20) if stream.isatty() else 0), lines


class Progress:
    """One line on standard error that says what goes on; on a terminal only, and only when it lasts."""

    def __init__(self, doing: str, stream: TextIO | None = None) -> None:
        self.doing = doing
        self.done = self.total = 0
        self._stream = stream or sys.stderr
        self._since = time.monotonic()
        self._stop = threading.Event()
        self._drawn = False

    def line(self, elapsed_s: float) -> str:
        """What is shown after that time."""
        count = f" {self.done}/{self.total}" if self.total else ""
        return f"{self.doing}{count}… {elapsed_s:.0f} s"

    def run(self) -> None:
        """Draw until stopped."""
        wait = SILENCE_S
        while not self._stop.wait(wait):
            wait = _BEAT_S
            self._drawn = True
            columns = shutil.get_terminal_size((80, 24)).columns
            self._stream.write(f"\r\x1b[K{self.line(time.monotonic() - self._since)[: columns - 1]}")
            self._stream.flush()

    def stop(self) -> None:
        """Leave no trace."""
        self._stop.set()

    def wipe(self) -> None:
        """The line is empty again."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@contextmanager
def progress(doing: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """What goes on is shown while the block runs; update ``doing``, ``done`` and ``total`` of the value."""
    shown = Progress(doing, stream)
    if not (stream or sys.stderr).isatty():
        yield shown
        return
    thread = threading.Thread(target=shown.run, daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        shown.stop()
        thread.join()
        shown.wipe()
