"""The running sandbox for the end-to-end tests: started when it is not, and then stopped at the end of the session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from amcloud_sandbox import access, lifecycle
from amcloud_sandbox.layout import Layout
from amcloud_sandbox.progress import Progress


@pytest.fixture(scope="session")
def sandbox_env() -> Iterator[dict[str, str]]:
    """Environment of a shell that uses the sandbox as administrator: KUBECONFIG, PATH with its kubectl, AMCLOUD_*."""
    layout = Layout()
    was_up = layout.kubeconfig.exists()
    with Progress() as progress:
        lifecycle.up(None, layout=layout, progress=progress)
    yield {**os.environ, **access.variables(None, layout=layout, path=os.environ["PATH"])}
    if not was_up:
        with Progress() as progress:
            lifecycle.down(None, layout=layout, progress=progress)
