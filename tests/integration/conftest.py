"""Real servers for the integration tests; each is started once a session, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amcloud_sandbox import control_plane as planes
from amcloud_sandbox.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd, API server and controller manager: `.kubeconfig` (administrator) and `.server`; no node, so no pod runs."""
    with planes.temporary(print, audited=True) as plane:
        yield plane
