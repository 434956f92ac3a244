"""`down` leaves nothing: no process, mount, link, route, rule, control group, file or kernel setting of a node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amcloud_sandbox import binaries
from amcloud_sandbox.layout import Layout

ROOT = Path(__file__).parents[2]
SCENARIO = Path(__file__).with_name("up_and_down.py")


@pytest.mark.parametrize(
    "ending",
    [pytest.param("orderly", id="while all runs"), pytest.param("crash", id="after its programs were killed")],
)
def test_nothing_of_a_node_is_left(tmp_path: Path, ending: str) -> None:
    """In namespaces of its own, so that a sandbox that runs beside it is not touched."""
    binaries.ensure(binaries.CLUSTER_PROGRAMS, layout=Layout(), say=print)
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, str(SCENARIO), ending],
        env={**os.environ, "AMCLOUD_SANDBOX_DIR": str(tmp_path / "state"), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'deployment "essai" successfully rolled out' in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("LEFT")] == []
