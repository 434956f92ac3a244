"""What earlier commits held: which of their contents are to be read for secrets, and what was found in them.

Contents are read where those of the commit are: by disposable processes, once per content, kept in the cache of facts.
So a push costs only the contents that it brought, and a history that is too long for one reading is read in several:
each goes on where the last one stopped, and none before the last says that it knows the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from psram.collect.choosing import readable
from psram.collect.listing import Listing, shown
from psram.errors import CollectError
from psram.facts import BlobFacts, Gap, History, PastSecret
from psram.roles import Role, roles
from psram.vocabulary import Limits
from psram.wording import counted
from psram.worker import past
from psram.worker.recall import Missing
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
    gap: Gap | None = None


def listed(listing: Listing, present: Mapping[str, int], limits: Limits, cache: FactCache | None = None) -> Past | None:
    """The contents that the commit no longer has but its history does, within the limits; ``None`` when not asked.

    ``present``: the contents that the commit has, with their sizes.
    """
    commit = listing.commit
    if not commit or not limits.history_commits:
        return None
    try:
        walked = past.walk(
            listing.repository,
            commit,
            max_commits=limits.history_commits,
            timeout_s=limits.history_timeout_s,
            cache=cache,
            sizes=present,
            head=listing.head,
        )
    except CollectError as error:
        return Past(commit, problem=str(error), gap=Gap.FAILED)
    problem, gap = _partial(walked, limits)
    found = Past(commit, walked.commits, problem=problem, gap=gap)
    for each in walked.objects:
        path = shown(each.path.removeprefix(walked.prefix))
        if each.blob in present or Role.TEXT not in roles(path) or not readable(path, each.size, limits):
            continue
        found.sizes[each.blob] = each.size
        found.places[each.blob] = (each.commit, path)
    return found


def _partial(walked: past.Walk, limits: Limits) -> tuple[str, Gap | None]:
    if walked.shallow:
        return f"cette copie du dépôt a {counted(walked.commits, 'commit')} de l'historique seulement", Gap.SHALLOW
    if walked.commits >= limits.history_commits:
        return f"seuls les {limits.history_commits} derniers commits sont lus", Gap.BEYOND
    return "", None


def readable_now(listing: Past, missing: Sequence[Missing], limits: Limits) -> tuple[Past, list[Missing]]:
    """Those of the contents to read that one reading bears, and the listing without the others, which it says."""
    total = 0
    for number, each in enumerate(missing):
        total += each.wanted.size
        if total > limits.history_bytes:
            left = {later.wanted.blob for later in missing[number:]}
            sizes = {blob: size for blob, size in listing.sizes.items() if blob not in left}
            said = f"{counted(len(left), 'contenu ancien', 'contenus anciens')} restent à lire"
            said = listing.problem or (said if len(left) > 1 else said.replace("restent", "reste"))
            cut = Past(listing.commit, listing.commits, sizes, listing.places, said, listing.gap or Gap.LONG)
            return cut, list(missing[:number])
    return listing, list(missing)


def found(listing: Past, facts: Mapping[str, BlobFacts], *, stopped: int = 0) -> History:
    """The secrets of these contents, given the facts of each, in order of commit and path.

    ``stopped`` contents ended the process that read them: nothing is known of them.
    """
    problem, gap = listing.problem, listing.gap
    if stopped and not problem:
        problem, gap = f"{counted(stopped, 'contenu ancien', 'contenus anciens')} : l'analyse s'y arrête", Gap.HOSTILE
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
        gap=gap,
    )
