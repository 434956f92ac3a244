"""The sandbox, shared by two processes of scenarios: a file that stops its services has it for itself.

The turnstile lets whoever wants them alone in, though the other process takes file after file.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(tempfile.gettempdir())
ALONE = "test_outages.py"


@pytest.fixture(scope="module", autouse=True)
def services(request: pytest.FixtureRequest) -> Iterator[None]:
    """Operator, forge, registry and database are up, and stay so for this file; or they are this file's alone."""
    how = fcntl.LOCK_EX if request.path.name == ALONE else fcntl.LOCK_SH
    with locked("turnstile", fcntl.LOCK_EX) as turnstile, locked("services", how):
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@contextlib.contextmanager
def locked(name: str, how: int) -> Iterator[int]:
    """The lock is held, until it is left or this process ends."""
    with (FOLDER / f"amcloud-scenarios-{name}.lock").open("w") as file:
        fcntl.flock(file, how)
        yield file.fileno()
