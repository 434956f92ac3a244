"""The forge is told what a pass decided, and what earlier ones could not tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from amcloud import errors
from amcloud.ports import World
from amcloud.stages.declared.app import App
from amcloud.stages.to_forge import notices
from amcloud.stages.to_forge.commit_status import CommitStatus
from amcloud.stages.to_forge.notices import Owed, Told


def tell(app: App, statuses: Iterable[tuple[str, CommitStatus]], previous: dict[str, Any], world: World) -> Told:
    """Each status is published, or owed. A forge that does not answer is asked once; a refusal is of one status."""
    now = world.clock.now()
    left: list[Owed] = []
    problem: errors.AmcloudError | None = None
    for one in notices.to_tell(statuses, previous, now):
        if problem is not None and not isinstance(problem, errors.StatusRefusedError):
            left.append(one)
            continue
        try:
            world.forge.set_status(app.source.project, one.commit, one.status)
        except errors.AmcloudError as error:
            left.append(one)
            problem = error
    owed, given_up = notices.bounds(left, now)
    refused = problem is not None and not isinstance(problem, errors.UnavailableError)
    return Told(owed, given_up, str(problem or ""), refused)


def with_problem(told: Told, problem: errors.AmcloudError | None) -> Told:
    """The same once something else was told; what went wrong there is said if nothing went wrong before."""
    if problem is None or told.problem:
        return told
    return replace(told, problem=str(problem), refused=not isinstance(problem, errors.UnavailableError))
