"""`make` as people run it, with the times of its lines watched."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAST_LINES = 40
TIMEOUT_S = 1500


@dataclass(frozen=True)
class Run:
    """What a command printed and how it ended."""

    code: int
    text: str = field(repr=False)
    longest_silence_s: float

    @property
    def end(self) -> str:
        """The last lines, which say why it failed: the whole of it is too long for a failed test's output."""
        return "\n".join(self.text.splitlines()[-LAST_LINES:])


def make(*arguments: str, environment: Mapping[str, str] | None = None) -> Run:
    """``make <arguments>`` in the checkout, with the times of its lines watched."""
    command = ["make", "--no-print-directory", *arguments]
    began = said = time.monotonic()
    silence, chunks = 0.0, []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            assert time.monotonic() - began < TIMEOUT_S, b"".join(chunks).decode()
            if not selector.select(timeout=1):
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            silence, said = max(silence, time.monotonic() - said), time.monotonic()
            if not chunk:
                break
            chunks.append(chunk)
    return Run(process.returncode, b"".join(chunks).decode(), silence)
