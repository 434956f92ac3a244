"""What earlier commits held: which of their contents are to be read for secrets, and what was found in them.

Contents are read where those of the commit are: by disposable processes, once per content, kept in the cache of facts.
So a push costs only the contents that it brought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from psram.collect.choosing import readable
from psram.collect.listing import shown
from psram.errors import CollectError
from psram.facts import BlobFacts, History, PastSecret
from psram.roles import Role, roles
from psram.vocabulary import Limits
from psram.wording import counted
from psram.worker import past
from psram.worker.store import FactCache

ROLES: Final = frozenset({Role.TEXT})
_MAX_SECRETS: Final = 200


@dataclass(frozen=True, slots=True)
class Past:
    """Contents to read, by id; ``places`` says of each the commit and path where it lay first."""

    commit: str
    commits: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    problem: str = ""


def listed(
    repository: Path, commit: str, present: Mapping[str, int], limits: Limits, cache: FactCache | None = None
) -> Past | None:
    """The contents that the commit no longer has but its history does, within the limits; ``None`` when not asked.

    ``present``: the contents that the commit has, with their sizes.
    """
    if not commit or not limits.history_commits:
        return None
    try:
        walked = past.walk(
            repository,
            commit,
            max_commits=limits.history_commits,
            timeout_s=limits.history_timeout_s,
            cache=cache,
            sizes=present,
        )
    except CollectError as error:
        return Past(commit, problem=str(error))
    found = Past(commit, walked.commits, problem=_partial(walked, limits))
    total = 0
    for each in walked.objects:
        path = shown(each.path.removeprefix(walked.prefix))
        if each.blob in present or Role.TEXT not in roles(path) or not readable(path, each.size, limits):
            continue
        total += each.size
        if total > limits.history_bytes:
            return Past(commit, found.commits, found.sizes, found.places, _too_much(limits))
        found.sizes[each.blob] = each.size
        found.places[each.blob] = (each.commit, path)
    return found


def _partial(walked: past.Walk, limits: Limits) -> str:
    if walked.shallow:
        return f"cette copie du dépôt ne contient que {counted(walked.commits, 'commit')} de l'historique"
    if walked.commits >= limits.history_commits:
        return f"seuls les {limits.history_commits} derniers commits ont été lus"
    return ""


def _too_much(limits: Limits) -> str:
    return f"l'historique contient plus de {limits.history_bytes // 1024 // 1024} Mio de textes : il est lu en partie"


def found(listing: Past, facts: Mapping[str, BlobFacts], *, stopped: int = 0) -> History:
    """The secrets of these contents, given the facts of each, in order of commit and path.

    ``stopped`` contents ended the process that read them: nothing is known of them.
    """
    problem = listing.problem or (f"{counted(stopped, 'contenu ancien')} : l'analyse s'y arrête" if stopped else "")
    secrets = [
        PastSecret(*listing.places[blob], mark)
        for blob in listing.sizes
        if blob in facts
        for mark in facts[blob].secrets
    ]
    return History(
        commit=listing.commit,
        commits=listing.commits,
        contents=len(listing.sizes),
        complete=not problem,
        problem=problem,
        secrets=tuple(sorted(secrets)[:_MAX_SECRETS]),
    )
