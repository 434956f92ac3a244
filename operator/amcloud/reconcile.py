"""The story: one pass from manifest to report. A line is a stage; decisions are in ``stages``, effects in ``world``.

A pass is idempotent and level-triggered: push, poll, resync, restart all end here, and a pass that was killed between
any two lines is repeated without a second build or a second status. ``admit`` and ``host`` yield at each boundary;
tests stop them there to show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amcloud import discussions, ending, errors, leftovers, reviews, showing, telling
from amcloud.desired import Sources, desired, missing_secrets, within_budget
from amcloud.ports import Judged, Question, UnderWay, World
from amcloud.stages import (
    apply,
    build,
    claims,
    health,
    manifest,
    observe,
    render,
    report,
    repository,
    revisions,
    serving,
    suspension,
)
from amcloud.stages import verdict as gate
from amcloud.stages.apply import Key, Wave
from amcloud.stages.isolation import Isolation
from amcloud.stages.manifest import App, Organisation, Stage
from amcloud.stages.observe import Observation
from amcloud.stages.render import Access, Object, Place, Revision
from amcloud.stages.report import StageOutcome
from amcloud.stages.storage import Storage
from amcloud.stages.verdict import Moment, Reason
from amcloud.stages.walk import Walk
from amcloud.stages.walk_job import Subject

POLL_DELETION_S = 2.0
POLL_ROTATION_S = 5.0


@dataclass(frozen=True, slots=True)
class Next:
    """When another pass is useful: after some seconds, or (``None``) only when something changes."""

    after_s: float | None = None
    troubled: bool = False
    """Whether a service failed: the same trouble again should be met later and later."""
    outcomes: tuple[StageOutcome, ...] = ()
    """What was decided of each stage, for the journal."""


def admit(
    app: App, stage: Stage, world: World, so_far: StageOutcome, previous: Mapping[str, Any]
) -> Iterator[StageOutcome]:
    """Stages 2 to 4: is the stage's newest commit let in? If it is, the last value's ``deployed`` is that revision."""
    project, token, now = app.source.project, world.cluster.forge_token(app), world.clock.now()
    named = repository.head(stage.ref, world.source.refs(project, token))
    head, so_far = revisions.followed(stage, named, previous, so_far)
    if head is None:
        yield so_far.refused(Reason.REF_NOT_FOUND, repository.not_found(project, stage.ref))
        return
    commit, seen_at = head.commit, report.seen_at(previous, stage.name, head.commit, now)
    correlation = report.correlation(previous, stage.name, commit, world.cause)
    yield (so_far := replace(so_far, commit=commit, seen_at=seen_at, correlation=correlation))

    was = so_far.was.commit if so_far.was else None
    question = Question.of(app, stage, commit, token, world, was=was, now=now).because(correlation)
    so_far = replace(so_far, renamed=question.renamed)
    so_far, judged = _judge(question, Moment.BUILD, world, so_far)
    yield so_far
    if so_far.over or judged is None:
        yield _kept(question, judged, world, so_far)
        return

    pipelines = world.forge.pipelines(project, commit)
    image = revisions.image(stage, commit, previous, so_far) or world.registry.image(project, commit)
    grace_s, deadline_s = world.settings.pipeline_grace_s, world.settings.pipeline_deadline_s
    step = build.next_step(commit, pipelines, image, seen_at=seen_at, now=now, grace_s=grace_s, deadline_s=deadline_s)
    step = build.for_promotion(step, commit) if so_far.promoted else step
    if not isinstance(step, build.GoOn):
        so_far = _kept(question, judged, world, so_far)
        if isinstance(step, build.Start):
            world.forge.start_pipeline(project, head.name, commit, correlation)
        yield so_far.building(step)
        return
    yield (so_far := so_far.building(step))

    question = question.after(produced := world.forge.pipeline_evidence(project, step.pipeline, commit))
    so_far, judged = _judge(question, Moment.HOST, world, so_far)
    so_far = _kept(question, judged, world, so_far)
    if not so_far.over and judged is not None:
        so_far = so_far.attested(world.provenance.prove(question, step, produced.origin, judged.report))
    yield so_far if so_far.over or judged is None else replace(so_far, deployed=Revision(commit, step.image.reference))


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


def _judge(
    question: Question, moment: Moment, world: World, so_far: StageOutcome
) -> tuple[StageOutcome, Judged | None]:
    """The gate's answer, and the verdict that it is founded on; ``None`` while that is under way."""
    judged = world.conformance.judge(question)
    if isinstance(judged, UnderWay):
        return so_far.checking(judged.sentence, retry_after_s=judged.retry_after_s), None
    decision = gate.decide(
        moment=moment,
        app=question.app,
        stage=question.stage.name,
        commit=question.commit,
        report=judged.report,
        enforced=question.stage.name in question.pack.enforced,
        dossier=question.dossier,
        now=world.clock.now(),
        offered=so_far.offered,
    )
    return so_far.judged(moment, judged.report, decision), judged


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


def _kept(question: Question, judged: Judged | None, world: World, so_far: StageOutcome) -> StageOutcome:
    """The verdict is stored where auditors and developers read it; only the last one of a pass is."""
    if judged is None:
        return so_far
    url = world.reports.keep(question, judged)
    name = world.cluster.keep_report(question.app, question.stage, judged.report, url, question.correlation)
    return replace(so_far, report_url=url, report_name=name)


def _walked(
    subject: Subject, access: Access, live: Mapping[apply.Key, Object], world: World, so_far: StageOutcome
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


def _publish(
    app: App, found: Object, outcomes: tuple[StageOutcome, ...], others: Sequence[Object], world: World
) -> Next:
    """Stage 8: tell the forge, then kubectl; nothing is written that is already there."""
    previous = found.get("status") or {}
    told = telling.tell(app, report.commit_statuses(app, outcomes, previous), previous, world)
    reviewed = reviews.review(app, outcomes, world, _judge)
    told = telling.after_reviews(told, reviewed.problem)
    told = telling.after_reviews(told, discussions.discuss(app, reviewed.reviews, world))
    told = telling.after_reviews(told, showing.show(app, outcomes, others, world))
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
