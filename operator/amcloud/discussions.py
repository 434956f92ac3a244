"""What the operator says and hears in merge requests: one note each, and the rules that people contest there.

The note is written anew in every pass from what is known then, and changed only if it differs: a restart, a lost
notification or a deleted note are mended by the next pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import urlencode

from amcloud import errors
from amcloud.ports import World
from amcloud.reviews import Review
from amcloud.stages.declared.app import App, Track
from amcloud.stages.gate import moments
from amcloud.stages.outcome import Ended
from amcloud.stages.to_forge import contests, correction, note
from amcloud.stages.to_forge.contests import Contest, Request
from amcloud.stages.to_forge.merge_requests import MergeRequest
from psram import packs
from psram.model import Report

NO_PROJECT = "cette plateforme n'a pas de projet pour les normes"
CLOSED = "la plateforme n'a pas accès à son projet des normes ; son équipe doit y voir"


def discuss(app: App, reviews: Sequence[Review], world: World) -> errors.AmcloudError | None:
    """Every merge request that has a verdict has its note; why one could not be written, if so.

    A forge that does not answer is asked once; a refusal concerns one merge request.
    """
    problem: errors.AmcloudError | None = None
    for review in reviews:
        try:
            _tell(app, review, world)
        except errors.UnavailableError as error:
            return error
        except errors.AmcloudError as error:
            problem = error
    return problem


def _tell(app: App, review: Review, world: World) -> None:
    outcome, request = review.outcome, review.request
    project, mine, report = app.source.project, f"{app.namespace}/{app.name}", outcome.report
    around = note.Around(app=mine, web_url=_web_url(request, project, world), target=request.target_branch)
    if report is None or outcome.moment is None:
        if outcome.ended is Ended.REFUSED and outcome.commit == request.commit:
            around = replace(around, help=_help(app, None, world))
            text = note.unread(request.commit, outcome.sentence, around)
            world.discussion.tell(project, request, note.marker(mine), text)
        return  # else nothing is known yet, and what the note says of an earlier commit names it
    around = replace(
        around,
        counted=moments(outcome.stage, outcome.moment),
        previous=review.before,
        report_url=outcome.report_url or "",
        rationales={rule.id: rule.rationale for rule in packs.load(report.pack.name).rules},
        informative=app.track is Track.HORS_STANDARD,
        patch=correction.patch(report, world.discussion.contents(project, report.commit, correction.wanted(report))),
        help=_help(app, report, world),
        contests=_heard(app, request, report, world),
    )
    world.discussion.tell(project, request, note.marker(mine), note.body(report, around))


def _heard(app: App, request: MergeRequest, report: Report, world: World) -> tuple[Contest, ...]:
    """The contests; a norms' project that is closed to us does not keep the verdict from being told."""
    try:
        return _contests(app, request, report, world)
    except errors.UnavailableError:
        raise
    except errors.AmcloudError:
        asked = contests.requests(world.discussion.notes(app.source.project, request), own=world.discussion.own())
        return tuple(contests.refused(each, CLOSED) for each in contests.followed(asked, lambda _: 0))


def _contests(app: App, request: MergeRequest, report: Report, world: World) -> tuple[Contest, ...]:
    """What people contest here and what became of it; a new contest is handed to the norms' project, once."""
    talk, project = world.discussion, app.source.project
    asked = contests.requests(talk.notes(project, request), own=talk.own())
    if not asked:
        return ()
    if not world.settings.norms_project:
        return tuple(contests.refused(each, NO_PROJECT) for each in contests.followed(asked, lambda _: 0))
    level, number = partial(talk.level, project), talk.number(project)
    chosen = contests.followed(asked, level)
    keys = {each: contests.key(number, request.iid, each.rule) for each in chosen}
    known = talk.contested(project, request.iid)
    why = {each: contests.refusal(each, report, level=level(each.author_id)) for each in chosen}
    new = [each for each in chosen if keys[each] not in known and not why[each]]
    web_url = _web_url(request, project, world)
    for each in new:
        text = contests.description(each, report, project=project, project_id=number, iid=request.iid, web_url=web_url)
        talk.contest(project, contests.title(each, project, request.iid), text)
    known = talk.contested(project, request.iid) if new else known
    return tuple(_contest(each, known.get(keys[each]), why) for each in chosen)


def _contest(request: Request, issue: contests.Issue | None, why: Mapping[Request, str]) -> Contest:
    if issue is None:
        return contests.refused(
            request, why[request] or "elle vient d'être ouverte, son ticket n'est pas encore lisible"
        )
    return contests.answered(request, issue)


def _help(app: App, report: Report | None, world: World) -> note.Help:
    owner, settings = world.cluster.organisations().get(app.owner), world.settings
    asked = ""
    if settings.norms_project:
        rule = next((each.rule_id for each in report.blocking()), "RÈGLE") if report else "RÈGLE"
        text = "Règle : \nJustification : \nMesure qui compense : \nJusqu'au : \n"
        named = {"issue[title]": f"Dérogation à {rule} : {app.namespace}/{app.name}", "issue[description]": text}
        asked = f"{settings.forge_url}/{settings.norms_project}/-/issues/new?{urlencode(named)}"
    return note.Help(
        region=owner.region if owner else "",
        referent=owner.referent if owner else "",
        derogation_url=asked,
        contestable=bool(settings.norms_project),
    )


def _web_url(request: MergeRequest, project: str, world: World) -> str:
    """The project's address as people reach it: the forge's own, which need not be the operator's."""
    address, found, _ = request.url.partition("/-/merge_requests/")
    return address if found and address.startswith(("http://", "https://")) else f"{world.settings.forge_url}/{project}"
