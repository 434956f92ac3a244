"""Plain lines on standard output: what happens, since when, and never silence for more than a few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TypeVar

HEARTBEAT_S = 8.0
T = TypeVar("T")


class ObservationFailedError(Exception):
    """Something that the demonstration promises was not observed; the text says what was seen instead."""


@dataclass(slots=True)
class Narrator:
    """Prints the story. ``say`` may be called from several threads."""

    began: float = field(default_factory=time.monotonic)
    _colours: bool = field(default_factory=sys.stdout.isatty)
    _spoke: float = field(default_factory=time.monotonic)

    def title(self, text: str) -> None:
        """A new act."""
        self._print(f"\n{self._style('1')}== {text}{self._style('0')}")

    def say(self, text: str) -> None:
        """One line with the seconds since the start."""
        self._print(f"[{time.monotonic() - self.began:6.1f} s] {text}")

    def quote(self, command: str, text: str) -> None:
        """What somebody reads: the command that shows it, then its real output, indented."""
        self._print(f"    {self._style('2')}$ {command}{self._style('0')}")
        for line in text.rstrip().splitlines():
            self._print(f"    {line}")

    def seen(self, text: str) -> None:
        """An observation that holds."""
        self.say(f"{self._style('32')}✔{self._style('0')} {text}")

    def expect(self, holds: object, text: str, *, instead: object = "") -> None:
        """``text`` is an observation that must hold.

        Raises:
            ObservationFailedError: it does not.
        """
        if not holds:
            raise ObservationFailedError(f"attendu : {text}" + (f" ; observé : {instead}" if instead != "" else ""))
        self.seen(text)

    def wait(self, doing: str, ready: Callable[[], T | None], *, timeout_s: float, every_s: float = 0.5) -> T:
        """The first true answer of ``ready``, with a line when nothing was said for a while, by whomever.

        Raises:
            ObservationFailedError: nothing true came in ``timeout_s``.
        """
        started = time.monotonic()
        while not (answer := ready()):
            now = time.monotonic()
            if now - started > timeout_s:
                raise ObservationFailedError(f"{doing} : rien après {timeout_s:.0f} s")
            if now - self._spoke >= HEARTBEAT_S:
                self.say(f"{doing} ({now - started:.0f} s)")
            time.sleep(every_s)
        return answer

    @contextmanager
    def heartbeat(self, doing: str) -> Iterator[None]:
        """A line from time to time while the body runs; for work that says nothing itself."""
        over = Event()
        started = time.monotonic()

        def beat() -> None:
            while not over.wait(HEARTBEAT_S):
                self.say(f"{doing} ({time.monotonic() - started:.0f} s)")

        thread = Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """An aligned table."""
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        for row in (header, ["-" * width for width in widths], *rows):
            self._print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _style(self, code: str) -> str:
        return f"\x1b[{code}m" if self._colours else ""

    def _print(self, text: str) -> None:
        self._spoke = time.monotonic()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
