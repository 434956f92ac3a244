"""Options of every test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden``: golden files are written instead of compared; their diff is reviewed."""
    parser.addoption("--update-golden", action="store_true", default=False, help="write golden files anew")
