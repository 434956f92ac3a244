"""Steps 2 to 4: which revision of an application is let in, and the verdict that says so.

Nothing here touches what serves; :mod:`amcloud.hosting` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from amcloud.ports import Judged, Question, UnderWay, World
from amcloud.stages import build, gate, report, repository
from amcloud.stages.gate import Moment
from amcloud.stages.manifest import App, Stage
from amcloud.stages.reasons import Reason
from amcloud.stages.render import Revision
from amcloud.stages.report import StageOutcome
from amcloud.stages.steering import revisions


def admit(
    app: App, stage: Stage, world: World, so_far: StageOutcome, previous: Mapping[str, Any]
) -> Iterator[StageOutcome]:
    """Steps 2 to 4: is the stage's newest commit let in? If it is, the last value's ``deployed`` is that revision."""
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
    so_far, judged = judge(question, Moment.BUILD, world, so_far)
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
    so_far, judged = judge(question, Moment.HOST, world, so_far)
    so_far = _kept(question, judged, world, so_far)
    if not so_far.over and judged is not None:
        so_far = so_far.attested(world.provenance.prove(question, step, produced.origin, judged.report))
    yield so_far if so_far.over or judged is None else replace(so_far, deployed=Revision(commit, step.image.reference))


def judge(question: Question, moment: Moment, world: World, so_far: StageOutcome) -> tuple[StageOutcome, Judged | None]:
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


def _kept(question: Question, judged: Judged | None, world: World, so_far: StageOutcome) -> StageOutcome:
    """The verdict is stored where auditors and developers read it; only the last one of a pass is."""
    if judged is None:
        return so_far
    url = world.reports.keep(question, judged)
    name = world.cluster.keep_report(question.app, question.stage, judged.report, url, question.correlation)
    return replace(so_far, report_url=url, report_name=name)
