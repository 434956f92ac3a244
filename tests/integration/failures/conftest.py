"""One forge for all tests of failures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amcloud_sandbox.testing.forge import RunningForge, running_forge


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    """The forge's stand-in: real git, real HTTP, no runner."""
    with running_forge(tmp_path_factory.mktemp("forge")) as running:
        yield running
