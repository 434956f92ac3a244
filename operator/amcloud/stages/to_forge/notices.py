"""What the forge is owed: statuses that it did not take yet, kept on the LocalApp until it does, for a day at most.

A status of a commit that stages no longer follow would be lost otherwise: no later pass speaks of that commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from amcloud.stages.conditions import Condition, Status, bounded, kept, rfc3339
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.reasons import Reason
from amcloud.stages.to_forge.commit_status import CommitState, CommitStatus, commit_status

Values = Mapping[str, Any]

OWED_MOST: Final = 20
OWED_LONGEST: Final = timedelta(days=1)
PUBLISHED: Final = "les statuts des commits sont publiés"
_ON_THE_WAY: Final = frozenset(
    {
        Reason.CHECKING,
        Reason.BUILDING,
        Reason.PROVISIONING,
        Reason.ROLLING_OUT,
        Reason.FORGE_UNAVAILABLE,
        Reason.SERVICE_UNAVAILABLE,
    }
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A status that the forge should show on a commit, and since when."""

    commit: str
    status: CommitStatus
    since: datetime

    @property
    def place(self) -> tuple[str, str]:
        """Where it is shown: a later one there replaces it."""
        return self.commit, self.status.name


@dataclass(frozen=True, slots=True)
class Told:
    """How telling the forge ended. ``problem`` is what it said, ``refused`` whether it will say the same again soon."""

    owed: tuple[Owed, ...] = ()
    given_up: tuple[Owed, ...] = ()
    problem: str = ""
    refused: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether trying again soon may help."""
        return bool(self.problem) and not self.refused


def to_tell(statuses: Iterable[tuple[str, CommitStatus]], previous: Values, now: datetime) -> tuple[Owed, ...]:
    """All that the forge should be told now: what this pass says, then what earlier ones could not."""
    before = {one.place: one for one in owed(previous)}
    found: dict[tuple[str, str], Owed] = {}
    for commit, status in statuses:
        waiting = before.pop((commit, status.name), None)
        found[commit, status.name] = Owed(commit, status, waiting.since if waiting else now)
    return (*found.values(), *before.values())


def bounds(left: Sequence[Owed], now: datetime) -> tuple[tuple[Owed, ...], tuple[Owed, ...]]:
    """What is still owed, and what is given up: too old, or too much."""
    young = [one for one in left if now - one.since <= OWED_LONGEST]
    most = tuple(young[:OWED_MOST])
    return most, tuple(one for one in left if one not in most)


def owed(previous: Values) -> tuple[Owed, ...]:
    """What the previous status says to be owed; malformed entries are left out."""
    found = []
    listed = previous.get("owedStatuses")
    for one in listed if isinstance(listed, list) else ():
        try:
            url = one.get("targetURL")
            status = commit_status(str(one["name"]), CommitState(one["state"]), str(one["description"]), url)
            found.append(Owed(str(one["commit"]), status, datetime.fromisoformat(one["since"])))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return tuple(found[:OWED_MOST])


def written(told: Told) -> list[dict[str, str]]:
    """What is owed as the status keeps it."""
    return [_written(one) for one in told.owed]


def conditions(told: Told, outcomes: Sequence[StageOutcome], previous: Values) -> tuple[Condition, ...]:
    """``ForgeNotified``."""
    if told.problem:
        reason = Reason.STATUS_REFUSED if told.refused else Reason.FORGE_UNAVAILABLE
        return (Condition("ForgeNotified", Status.FALSE, reason, _sentence(told)),)
    if any(outcome.commit for outcome in outcomes):
        return (Condition("ForgeNotified", Status.TRUE, Reason.NOTIFIED, PUBLISHED),)
    before = previous.get("conditions")
    return kept(before if isinstance(before, list) else [], ("ForgeNotified",))


def left_behind(outcomes: Sequence[StageOutcome], previous: Values) -> tuple[tuple[str, CommitStatus], ...]:
    """Last words on commits that a newer one replaced before anything was decided of them."""
    current = {outcome.commit for outcome in outcomes}
    found = []
    for outcome in outcomes:
        before: Values = next((s for s in previous.get("stages") or () if s.get("name") == outcome.stage), {})
        former = before.get("lastAttemptedCommit")
        if not former or outcome.commit is None or former in current or former == before.get("deployedCommit"):
            continue
        known = {c.get("type"): c.get("reason") for c in before.get("conditions") or ()}
        words = f"Remplacé par {outcome.commit[:8]} avant la fin : seule la dernière révision est mise en service."
        if known.get("Ready") in _ON_THE_WAY:
            found.append((former, commit_status(f"amcloud/{outcome.stage}", CommitState.CANCELED, words)))
        if known.get("Ready") == Reason.CHECKING or known.get("Conformant") == Reason.CHECKING:
            found.append((former, commit_status("amcloud/psram", CommitState.CANCELED, words)))
    return tuple(found)


def _sentence(told: Told) -> str:
    names = ", ".join(f"{one.status.name} sur {one.commit[:8]}" for one in told.owed[:3])
    more = f" et {len(told.owed) - 3} autre(s)" if len(told.owed) > 3 else ""  # noqa: PLR2004 - those just named
    again = "Nouvel essai dans l'heure" if told.refused else "De nouveaux essais suivent d'eux-mêmes"
    owing = f"La forge n'a pas encore {names}{more}. {again} ; rien n'est perdu. " if names else ""
    return bounded(f"{owing}{told.problem}")


def _written(one: Owed) -> dict[str, str]:
    status = one.status
    known = {
        "commit": one.commit,
        "name": status.name,
        "state": str(status.state),
        "description": status.description,
        "targetURL": status.target_url or "",
        "since": rfc3339(one.since),
    }
    return {name: value for name, value in known.items() if value}
