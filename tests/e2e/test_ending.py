"""The last end-to-end test, run when no other runs: after `make demo-down` nothing runs, and the caches are kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

from amcloud_sandbox import binaries
from amcloud_sandbox.layout import Layout

ROOT = Path(__file__).parents[2]


def test_the_demonstration_ends_wholly_and_ending_it_twice_is_fine(sandbox_env: dict[str, str]) -> None:
    layout = Layout()
    for _ in range(2):
        done = subprocess.run(
            ["make", "--no-print-directory", "demo-down"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert not layout.state.exists()
    assert binaries.find(binaries.CLUSTER_PROGRAMS, layout=layout) is not None
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    assert "amcloud" not in links
