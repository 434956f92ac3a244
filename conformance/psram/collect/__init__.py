"""Collection: what a repository contains, as :class:`psram.facts.Facts`.

Imports are lazy: the process that only lists files loads no parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from psram.facts import Facts
    from psram.model import Limits, Php

__all__ = ["collect", "collect_worktree"]


def collect(repository: Path, commit: str, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """All facts of a commit, read in this very process: see :func:`psram.collect.collector.collect`."""
    from psram.collect import collector

    return collector.collect(repository, commit, php=php, limits=limits)


def collect_worktree(path: Path, *, php: Php | None = None, limits: Limits | None = None) -> Facts:
    """Facts of the files as they are on disk: see :func:`psram.collect.collector.collect_worktree`."""
    from psram.collect import collector

    return collector.collect_worktree(path, php=php, limits=limits)
