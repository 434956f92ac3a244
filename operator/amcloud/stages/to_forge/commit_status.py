"""What a developer reads on a commit: GitLab's commit statuses, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from amcloud.stages.conditions import bounded

DESCRIPTION_LONGEST = 255
"""GitLab's own limits, of the description and of the address."""


class CommitState(StrEnum):
    """GitLab's commit states that we use."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """A status on a commit. ``description`` and ``target_url`` are at most 255 characters, on one line."""

    name: str
    state: CommitState
    description: str
    target_url: str | None = None


def commit_status(name: str, state: CommitState, words: str, url: str | None = None) -> CommitStatus:
    """A status that GitLab can take: one line, cut if need be; an address that is too long goes without its query."""
    addresses = (url, url.partition("?")[0]) if url else ()
    short = next((one for one in addresses if len(one) <= DESCRIPTION_LONGEST), None)
    return CommitStatus(name, state, bounded(" ".join(words.split()), DESCRIPTION_LONGEST), short)
