"""Merge requests: which of their commits are judged, and for which stage. They are never built or hosted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """An open merge request. ``commit`` is the newest one of its source branch."""

    iid: int
    source_branch: str
    target_branch: str
    commit: str
    url: str = ""
