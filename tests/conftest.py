"""Options of every test run, and which tests run in one process: a file, or end-to-end tests that take the same things.

There is one sandbox. What takes the demonstration's applications is one group; the other end-to-end tests are another.
Scenarios, run apart, have applications of their own: each file is a group.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

DEMONSTRATION = ("test_demo.py", "test_docs.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden``: golden files are written instead of compared; their diff is reviewed."""
    parser.addoption("--update-golden", action="store_true", default=False, help="write golden files anew")


class Groups(LoadScopeScheduling):
    """Gives each process a group at a time, in the order of the command's arguments."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith("tests/e2e/") or "/scenarios/" in file:
            return file
        return "the demonstration" if file.endswith(DEMONSTRATION) else "hosting"


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    """``--dist loadgroup`` means the groups above."""
    return Groups(config, log) if config.getvalue("dist") == "loadgroup" else None
