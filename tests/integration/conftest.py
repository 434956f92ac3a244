"""Real servers for the integration tests; each is started once a session, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amcloud_sandbox import control_plane as planes
from amcloud_sandbox.control_plane import ControlPlane

FOLDER = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the plugin that reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file are run by one process: they may share what they made."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(FOLDER))))


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd, API server and controller manager: `.kubeconfig` (administrator) and `.server`; no node, so no pod runs."""
    with planes.temporary(print) as plane:
        yield plane
