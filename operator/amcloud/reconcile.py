"""The story: one pass from manifest to report. Decisions are in ``stages``, a module a step; effects in ``world``.

A pass is idempotent and level-triggered: push, poll, resync, restart all end here, and a pass that was killed between
any two lines is repeated without a second build or a second status. ``admit`` (:mod:`amcloud.admission`) and ``host``
(:mod:`amcloud.hosting`) yield at each boundary; tests stop them there to show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amcloud import discussions, ending, errors, reviews, showing, telling
from amcloud.admission import admit
from amcloud.hosting import halt, host
from amcloud.ports import World
from amcloud.stages import gate, manifest, render, report
from amcloud.stages.manifest import App, Stage
from amcloud.stages.objects.operations import Object
from amcloud.stages.reasons import Reason
from amcloud.stages.report import StageOutcome
from amcloud.stages.steering import claims, revisions, suspension

POLL_DELETION_S = 2.0


@dataclass(frozen=True, slots=True)
class Next:
    """When another pass is useful: after some seconds, or (``None``) only when something changes."""

    after_s: float | None = None
    troubled: bool = False
    """Whether a service failed: the same trouble again should be met later and later."""
    outcomes: tuple[StageOutcome, ...] = ()
    """What was decided of each stage, for the journal."""


def reconcile(found: Object, world: World, others: Sequence[Object] = ()) -> Next:
    """One pass over one LocalApp, and when the next one is useful. ``others`` follow the same forge project."""
    if found["metadata"].get("deletionTimestamp"):
        gone = ending.release(found, world, others)
        return Next() if gone else Next(POLL_DELETION_S)
    try:
        app = manifest.parse(found, world.cluster.organisations(), world.cluster.namespace_organisation)
        app = suspension.suspended_by(app, world.cluster.suspension(app), now=world.clock.now())
    except errors.InvalidManifestError as error:
        _publish_invalid(found, error, world)
        return Next()
    world.cluster.set_finalizer(found, present=True)
    previous, held = found.get("status") or {}, claims.held(found, others)
    ending.give_up(app, found, world)
    outcomes = tuple(_stage(app, stage, world, previous, held.get(stage.name)) for stage in app.stages)
    return _publish(app, found, outcomes, others, world)


def _stage(app: App, stage: Stage, world: World, previous: Mapping[str, Any], holder: str | None) -> StageOutcome:
    so_far = StageOutcome.begin(stage.name, None)
    try:
        place = render.place(app, stage, domain=world.settings.domain)
        owner, asked_by = world.cluster.instance_owner(place.namespace), f"{app.namespace}/{app.name}"
        if owner not in {None, asked_by}:
            raise errors.NotOwnedError(f"L'espace de noms {place.namespace}", owner or "personne d'AM Cloud")
        if app.track is not manifest.Track.HORS_STANDARD:
            so_far = StageOutcome.begin(stage.name, world.cluster.inventory(place.namespace).revision)
            so_far = replace(so_far, offered=world.cluster.connectors(app))
    except errors.AmcloudError as error:
        return so_far.interrupted(error)
    if holder is not None:
        so_far = so_far.refused(Reason.NOT_OWNED, claims.sentence(app.source.project, stage.name, holder))
    else:
        so_far = _to_the_end(admit(app, stage, world, so_far, previous), so_far)
    so_far = revisions.steered(app, stage, so_far, previous)
    if so_far.deployed is None:
        return so_far
    if gate.stops(app.suspension, world.clock.now()):
        return _to_the_end(halt(app, stage, world, so_far), so_far)
    hosted = _to_the_end(host(app, stage, world, so_far), so_far)
    if suspension.was_stopped(previous, stage.name):
        hosted = replace(hosted, restored=())
    return revisions.settled(app, stage, hosted, previous, world.clock.now())


def _to_the_end(steps: Iterator[StageOutcome], so_far: StageOutcome) -> StageOutcome:
    """The last outcome of ``steps``; an error ends them as the outcome that it means."""
    try:
        for outcome in steps:
            so_far = outcome
    except errors.AmcloudError as error:
        return so_far.interrupted(error)
    return so_far


def _publish(
    app: App, found: Object, outcomes: tuple[StageOutcome, ...], others: Sequence[Object], world: World
) -> Next:
    """Step 8: tell the forge, then kubectl; nothing is written that is already there."""
    previous = found.get("status") or {}
    told = telling.tell(app, report.commit_statuses(app, outcomes, previous), previous, world)
    reviewed = reviews.review(app, outcomes, world)
    told = telling.with_problem(told, reviewed.problem)
    told = telling.with_problem(told, discussions.discuss(app, reviewed.reviews, world))
    told = telling.with_problem(told, showing.show(app, outcomes, others, world))
    showing.certify(app, outcomes, world)
    price, now = render.yearly_euros(app, world.templates), world.clock.now()
    current = report.status(app, outcomes, previous, told=told, yearly_euros=price, now=now)
    _tell(found, current, world, outcomes)
    for event in report.given_up(told):
        world.cluster.emit(found, event)
    waits = (report.retry_after_s(outcomes, told), reviewed.after_s, suspension.ends_in_s(app, now=now))
    after_s = min((wait for wait in waits if wait is not None), default=None)
    return Next(after_s, report.troubled(outcomes, told), outcomes)


def _publish_invalid(found: Object, error: errors.InvalidManifestError, world: World) -> None:
    previous = found.get("status") or {}
    current = report.invalid_status(error.field, error.problem, found["metadata"], previous, now=world.clock.now())
    _tell(found, current, world)


def publish_broken(found: Object, error: Exception, world: World) -> None:
    """An error that nobody foresaw is visible on the LocalApp; its text stays in the journal."""
    previous = found.get("status") or {}
    current = report.broken_status(type(error).__name__, found["metadata"], previous, now=world.clock.now())
    _tell(found, current, world)


def _tell(found: Object, current: dict[str, Any], world: World, outcomes: tuple[StageOutcome, ...] = ()) -> None:
    previous = found.get("status") or {}
    if not report.same(current, previous):
        world.cluster.set_local_app_status(found["metadata"]["namespace"], found["metadata"]["name"], current)
    for event in report.events(previous, current, outcomes):
        world.cluster.emit(found, event)
