"""Collection: what a repository contains, as :class:`psram.facts.Facts`."""

from psram.collect.collector import collect, collect_worktree

__all__ = ["collect", "collect_worktree"]
