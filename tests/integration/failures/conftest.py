"""Makes ``tests/support`` importable, and one forge for all tests of failures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud_sandbox.testing.forge import RunningForge, running_forge

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    """The forge's stand-in: real git, real HTTP, no runner."""
    with running_forge(tmp_path_factory.mktemp("forge")) as running:
        yield running
