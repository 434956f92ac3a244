"""Steps 5 to 7: the revision let in runs for its organisations, or is stopped while a suspension says so.

What should exist is said by :mod:`amcloud.desired`; which revision, by :mod:`amcloud.admission` and ``revisions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from amcloud import errors, leftovers
from amcloud.desired import Desired, Sources, desired, missing_secrets, within_budget
from amcloud.ports import UnderWay, World
from amcloud.stages import apply, gate, health, observe, render
from amcloud.stages.apply import Wave
from amcloud.stages.jobs.walk_job import Subject
from amcloud.stages.manifest import App, Organisation, Stage
from amcloud.stages.objects.operations import Key, Object
from amcloud.stages.observe import Observation
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Access, Place, Revision
from amcloud.stages.report import StageOutcome
from amcloud.stages.seen import serving
from amcloud.stages.seen.isolation import Isolation
from amcloud.stages.seen.storage import Storage
from amcloud.stages.seen.walk import Walk
from amcloud.stages.steering import suspension

POLL_ROTATION_S: Final = 5.0


@dataclass(slots=True)
class _Instance:
    """What the waves of one pass have in common; a wave changes what is ``live``, and sees ``pods``."""

    app: App
    place: Place
    revision: Revision
    access: Access
    want: Desired
    sources: Sources
    world: World
    live: Mapping[Key, Object]
    pods: tuple[Object, ...] = ()


def host(app: App, stage: Stage, world: World, so_far: StageOutcome) -> Iterator[StageOutcome]:
    """Steps 5 to 7: the revision let in runs for its organisations, whatever became of the newest commit."""
    sources = Sources(world.cluster, world.settings, world.templates)
    app, stage, so_far = within_budget(app, stage, so_far, sources)
    revision, place = so_far.deployed, render.place(app, stage, domain=world.settings.domain)
    if revision is None:
        yield so_far
        return
    access = _database(place, stage, world)
    storage = Storage(world.database.size(place), app.hosting.storage_gib)
    yield (so_far := replace(so_far, database_ready=True, storage=storage))

    want = desired(app, stage, place, revision, access, so_far.offered, sources, world.clock.now())
    instance = _Instance(app, place, revision, access, want, sources, world, world.cluster.live(want.keys))
    so_far = replace(so_far, left=serving.left(instance.live, want.served))
    for wave in Wave:
        so_far, done = _carried_out(wave, instance, so_far)
        yield so_far
        if not done:
            return
    so_far = so_far.served(url=_address(app, place, want.served, world), organisations=want.served)
    yield _settled(so_far, stage, instance)


def halt(app: App, stage: Stage, world: World, so_far: StageOutcome) -> Iterator[StageOutcome]:
    """In place of ``host`` while a suspension stops the service: nothing runs, all else stays. Needs no database."""
    assert app.suspension is not None
    keys = world.cluster.inventory(render.place(app, stage, domain=world.settings.domain).namespace).keys
    for operation in suspension.stopping(world.cluster.live(keys)):
        world.cluster.execute(operation)
    left = suspension.replicas(world.cluster.live(keys))
    yield so_far.stopped(gate.suspended(app.suspension), replicas=left, again_s=suspension.POLL_S)


def _carried_out(wave: Wave, instance: _Instance, so_far: StageOutcome) -> tuple[StageOutcome, bool]:
    """What a wave learnt, and whether it is done, so that the next may start."""
    match wave:
        case Wave.FOUNDATION:
            return _foundation(instance, so_far)
        case Wave.MIGRATION:
            return _migration(instance, so_far)
        case Wave.SERVICE:
            return _service(instance, so_far)
    assert_never(wave)


def _foundation(instance: _Instance, so_far: StageOutcome) -> tuple[StageOutcome, bool]:
    """All that the other waves need."""
    so_far, seen = _applied(Wave.FOUNDATION, instance, so_far)
    return so_far.observed(seen), seen.done


def _migration(instance: _Instance, so_far: StageOutcome) -> tuple[StageOutcome, bool]:
    """The real database knows the revision's migrations, once its Secrets are there and it was walked."""
    if missing := missing_secrets(instance.app, instance.place, instance.want.links, instance.sources):
        return so_far.blocked(Reason.SECRET_MISSING, missing), False
    so_far = _walked(instance, so_far)
    if not so_far.tried:
        return so_far, False
    so_far, seen = _applied(Wave.MIGRATION, instance, so_far)
    return so_far.observed(seen), seen.done


def _service(instance: _Instance, so_far: StageOutcome) -> tuple[StageOutcome, bool]:
    """The revision serves, once its tables were seen closed, and answers for each synthetic organisation."""
    so_far = so_far.probed(instance.world.database.isolation(instance.place, instance.revision.commit))
    if so_far.leaks:
        return so_far, False
    so_far, seen = _applied(Wave.SERVICE, instance, so_far)
    seen = _healthy(instance, seen, so_far) if seen.done else seen
    return so_far.observed(seen), seen.done


def _applied(wave: Wave, instance: _Instance, so_far: StageOutcome) -> tuple[StageOutcome, Observation]:
    """Steps 6 and 7 of one wave: what differs is written, then what is there is looked at."""
    world, want = instance.world, instance.want
    operations = apply.plan(want.objects, instance.live, want.inventory, wave=wave)
    for operation in operations:
        world.cluster.execute(operation)
    if operations:
        instance.live = world.cluster.live(want.keys)
    complete = so_far.proven and want.inventory.revision == instance.revision
    so_far = replace(so_far, restored=so_far.restored + apply.restored(operations, complete=complete))
    instance.pods = world.cluster.pods(instance.place.namespace)
    now, deadline_s = world.clock.now(), world.settings.rollout_deadline_s
    return so_far, observe.observe(wave, want.objects, instance.live, instance.pods, now=now, deadline_s=deadline_s)


def _database(place: Place, stage: Stage, world: World) -> Access:
    """The credentials of the instance's database, which is there; data that it left behind before are settled first."""
    known = world.cluster.access(place)
    if known is None:
        leftovers.settle(place, world)
    return world.database.ensure(place, known, stage.rotation)


def _walked(instance: _Instance, so_far: StageOutcome) -> StageOutcome:
    """A revision is walked before it serves, and before the real database knows its migrations."""
    runs = observe.runs(instance.revision, instance.live)
    subject = Subject(instance.app, instance.place, instance.revision)
    try:
        seen = instance.world.walks.walk(subject, instance.access, serving=runs)
    except errors.AmcloudError as error:
        if not runs:
            raise
        return so_far.probed(Isolation(walk=Walk(problem=str(error))))
    if isinstance(seen, UnderWay):
        return so_far.walking(seen.sentence, retry_after_s=seen.retry_after_s, serving=runs)
    return so_far.probed(seen)


def _healthy(instance: _Instance, seen: Observation, so_far: StageOutcome) -> Observation:
    """``seen``, if the instance answers for each synthetic organisation too."""
    app, place, live, world = instance.app, instance.place, instance.live, instance.world
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


def _settled(so_far: StageOutcome, stage: Stage, instance: _Instance) -> StageOutcome:
    """Former credentials end once no pod holds them; a rotation that waited for that begins in the next pass."""
    access = instance.access
    if not observe.settled(instance.pods, render.fingerprint(access)):
        return so_far.again(POLL_ROTATION_S)
    instance.world.database.retire(instance.place, access)
    if stage.rotation is not None and stage.rotation.token != access.rotation:
        return so_far.again(POLL_ROTATION_S)
    return replace(so_far, rotated=access.rotation)


def _address(app: App, place: Place, served: tuple[Organisation, ...], world: World) -> str:
    """Where the owner's agents go, else those of the first organisation served."""
    first = next((o for o in served if o.code == app.owner), served[0] if served else None)
    host = f"{first.label}.{place.domain}" if first else place.domain
    return f"{world.settings.url_scheme}://{host}{world.settings.url_port}"
