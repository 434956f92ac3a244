"""Stages 5 to 7: the revision let in runs for its organisations, or is stopped while a suspension says so.

What should exist is said by :mod:`amcloud.desired`; which revision, by :mod:`amcloud.admission` and ``revisions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from amcloud import errors, leftovers
from amcloud.desired import Sources, desired, missing_secrets, within_budget
from amcloud.ports import UnderWay, World
from amcloud.stages import apply, gate, health, observe, render
from amcloud.stages.apply import Wave
from amcloud.stages.jobs.walk_job import Subject
from amcloud.stages.manifest import App, Organisation, Stage
from amcloud.stages.objects.operations import Key, Object
from amcloud.stages.observe import Observation
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Access, Place
from amcloud.stages.report import StageOutcome
from amcloud.stages.seen import serving
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.storage import Storage
from amcloud.stages.seen.walk import Walk
from amcloud.stages.steering import suspension

POLL_ROTATION_S: Final = 5.0


def host(app: App, stage: Stage, world: World, so_far: StageOutcome) -> Iterator[StageOutcome]:
    """Stages 5 to 7: the revision let in runs for its organisations, whatever became of the newest commit."""
    sources = Sources(world.cluster, world.settings, world.templates)
    app, stage, so_far = within_budget(app, stage, so_far, sources)
    if so_far.deployed is None:
        yield so_far
        return
    revision = so_far.deployed
    place, settings = render.place(app, stage, domain=world.settings.domain), world.settings
    known = world.cluster.access(place)
    if known is None:
        leftovers.settle(place, world)
    access = world.database.ensure(place, known, stage.rotation)
    storage = Storage(world.database.size(place), app.hosting.storage_gib)
    yield (so_far := replace(so_far, database_ready=True, storage=storage))

    want = desired(app, stage, place, revision, access, so_far.offered, sources, world.clock.now())
    live = world.cluster.live(want.keys)
    so_far = replace(so_far, left=serving.left(live, want.served))
    for wave in Wave:
        if wave is Wave.MIGRATION and (missing := missing_secrets(app, place, want.links, sources)):
            yield so_far.blocked(Reason.SECRET_MISSING, missing)
            return
        if wave is Wave.MIGRATION:
            so_far = _walked(Subject(app, place, revision), access, live, world, so_far)
            if not so_far.tried:
                yield so_far
                return
        if wave is Wave.SERVICE:
            so_far = so_far.probed(world.database.isolation(place, revision.commit))
            if so_far.leaks:
                yield so_far
                return
        for operation in (operations := apply.plan(want.objects, live, want.inventory, wave=wave)):
            world.cluster.execute(operation)
        live = world.cluster.live(want.keys) if operations else live
        restored = apply.restored(operations, complete=so_far.proven and want.inventory.revision == revision)
        so_far = replace(so_far, restored=so_far.restored + restored)
        pods = world.cluster.pods(place.namespace)
        seen = observe.observe(
            wave, want.objects, live, pods, now=world.clock.now(), deadline_s=settings.rollout_deadline_s
        )
        if wave is Wave.SERVICE and seen.progress is observe.Progress.DONE:
            seen = _healthy(app, place, seen, live, world, so_far)
        yield (so_far := so_far.observed(seen))
        if seen.progress is not observe.Progress.DONE:
            return
    so_far = so_far.served(url=_address(app, place, want.served, world), organisations=want.served)
    yield _settled(so_far, stage, place, access, pods, world)


def halt(app: App, stage: Stage, world: World, so_far: StageOutcome) -> Iterator[StageOutcome]:
    """In place of ``host`` while a suspension stops the service: nothing runs, all else stays. Needs no database."""
    assert app.suspension is not None
    keys = world.cluster.inventory(render.place(app, stage, domain=world.settings.domain).namespace).keys
    for operation in suspension.stopping(world.cluster.live(keys)):
        world.cluster.execute(operation)
    left = suspension.replicas(world.cluster.live(keys))
    yield so_far.stopped(gate.suspended(app.suspension), replicas=left, again_s=suspension.POLL_S)


def _walked(
    subject: Subject, access: Access, live: Mapping[Key, Object], world: World, so_far: StageOutcome
) -> StageOutcome:
    """A revision is walked before it serves, and before the real database knows its migrations."""
    runs = observe.runs(subject.revision, live)
    try:
        seen = world.walks.walk(subject, access, serving=runs)
    except errors.AmcloudError as error:
        if not runs:
            raise
        return so_far.probed(Isolation(walk=Walk(problem=str(error))))
    if isinstance(seen, UnderWay):
        return so_far.walking(seen.sentence, retry_after_s=seen.retry_after_s, serving=runs)
    return so_far.probed(seen)


def _healthy(  # noqa: PLR0917 - one argument a thing that it depends on
    app: App, place: Place, seen: Observation, live: Mapping[Key, Object], world: World, so_far: StageOutcome
) -> Observation:
    """``seen``, if the instance answers for each synthetic organisation too."""
    settings = world.settings
    answers = world.health.ask(health.address(app, place, live, settings.health_address), health.hosts(place))
    return health.judged(
        seen,
        answers,
        health.deployment(app, place, live),
        proven=so_far.proven,
        now=world.clock.now(),
        deadline_s=settings.rollout_deadline_s,
    )


def _settled(  # noqa: PLR0917 - one argument a thing that it depends on
    so_far: StageOutcome, stage: Stage, place: Place, access: Access, pods: tuple[Object, ...], world: World
) -> StageOutcome:
    """Former credentials end once no pod holds them; a rotation that waited for that begins in the next pass."""
    if not observe.settled(pods, render.fingerprint(access)):
        return so_far.again(POLL_ROTATION_S)
    world.database.retire(place, access)
    if stage.rotation is not None and stage.rotation.token != access.rotation:
        return so_far.again(POLL_ROTATION_S)
    return replace(so_far, rotated=access.rotation)


def _address(app: App, place: Place, served: tuple[Organisation, ...], world: World) -> str:
    """Where the owner's agents go, else those of the first organisation served."""
    first = next((o for o in served if o.code == app.owner), served[0] if served else None)
    host = f"{first.label}.{place.domain}" if first else place.domain
    return f"{world.settings.url_scheme}://{host}{world.settings.url_port}"
