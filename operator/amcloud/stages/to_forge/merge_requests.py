"""Merge requests: which of their commits are judged, for which stage, and what is said of them.

They are never built or hosted here: only the refs that stages follow are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from amcloud.stages.declared.app import App, RefKind, Stage, StageName

COMMITS_A_PASS: Final = 5
"""Earlier commits of merge requests that one pass judges at most; the next pass goes on."""


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """An open merge request. ``commit`` is the newest one of its source branch."""

    iid: int
    source_branch: str
    target_branch: str
    commit: str
    url: str = ""
    updated_at: str = ""
    """When anything of it changed last, comments included, as the forge says it."""

    @property
    def head(self) -> str:
        """The forge's own name of its newest commit, wherever that comes from: a fork's is on no branch here."""
        return f"refs/merge-requests/{self.iid}/head"


def stage_for(app: App, request: MergeRequest) -> Stage | None:
    """The stage whose rules count for a merge request: where it leads to, else the first one; ``None`` without any."""
    names = following(app, request.target_branch)
    followed = (stage for stage in app.stages if stage.name in names)
    return next(followed, app.stages[0] if app.stages else None)


def following(app: App, branch: str) -> tuple[StageName, ...]:
    """The stages that follow a branch."""
    return tuple(s.name for s in app.stages if s.ref.kind is RefKind.BRANCH and s.ref.pattern == branch)


def unseen(commits: Iterable[str], *, judged: Iterable[str], of_stages: Iterable[str | None]) -> tuple[str, ...]:
    """Those of ``commits`` without a verdict yet, of which no stage speaks; a few at a time."""
    known = {*judged, *of_stages}
    return tuple(commit for commit in dict.fromkeys(commits) if commit not in known)[:COMMITS_A_PASS]
