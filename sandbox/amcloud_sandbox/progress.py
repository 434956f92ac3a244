"""What the person sees while something long goes on: one line a step, the seconds, and never a long silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status

HEARTBEAT_S = 10.0


class Progress:
    """Narrates steps: a spinner on a terminal, plain lines elsewhere; a heartbeat every ten seconds at the latest."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began = self._said = time.monotonic()
        self._step = ""
        self._status: Status | None = None
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Progress:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._heart.join()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the narration began."""
        return time.monotonic() - self._began

    def line(self, text: str) -> None:
        """``text`` is printed on a line of its own, with the elapsed seconds."""
        self._said = time.monotonic()
        self._console.print(f"[dim]{self.elapsed_s:5.0f} s[/dim]  {escape(text)}")

    def say(self, text: str) -> None:
        """``text`` is shown as what goes on now: in the spinner, or as a line where there is no terminal."""
        self._said = time.monotonic()
        if self._status:
            self._status.update(f"{escape(self._step)} – {escape(text)}")
        else:
            self.line(f"  {text}")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Within the block, ``title`` is what goes on; a line says how long it took, if it ended well."""
        began, self._step = time.monotonic(), title
        if self._console.is_terminal:
            with self._console.status(escape(title)) as status:
                self._status = status
                try:
                    yield
                finally:
                    self._status = None
        else:
            self.line(f"{title}…")
            yield
        self.line(f"{title} : fait en {time.monotonic() - began:.1f} s")
        self._step = ""

    def _beat(self) -> None:
        while not self._stop.wait(1.0):
            if not self._status and self._step and time.monotonic() - self._said >= HEARTBEAT_S:
                self.line(f"  {self._step} : toujours en cours")
