"""The forge shows where an application runs: what it is told after a pass, and when an application goes."""

from __future__ import annotations

from collections.abc import Sequence

from amcloud import errors, paris
from amcloud.ports import World
from amcloud.stages import manifest
from amcloud.stages.declared.app import App
from amcloud.stages.gate import in_force
from amcloud.stages.objects.operations import Object
from amcloud.stages.outcome import StageOutcome
from amcloud.stages.to_forge import badge, deployments
from psram.model import Report


def show(
    app: App, outcomes: Sequence[StageOutcome], others: Sequence[Object], world: World
) -> errors.AmcloudError | None:
    """Deployments of this pass are shown; why they could not be, if so: a later pass does."""
    if app.repository is None:
        return None
    try:
        world.deployments.record(app.source.project, deployments.records(app, outcomes, others))
    except errors.RepositoryRefusedError:
        return None  # environments are switched off, or the project is gone: the stages say that one
    except errors.AmcloudError as error:
        return error
    return None


def certify(app: App, outcomes: Sequence[StageOutcome], world: World) -> None:
    """The badges of the application say what serves now. Where the database does not answer, a later pass does."""
    now = world.clock.now()
    on = paris.today(now)
    suspended = app.suspension is not None and in_force(app.suspension, now)
    try:
        found = (badge.of(app, one, _serving(app, one, world), suspended=suspended, today=on) for one in outcomes)
        badges = [one for one in found if one is not None]
        world.reports.show(app.namespace, app.name, badges, stages=[one.stage for one in outcomes], today=on)
    except errors.UnavailableError:
        return


def _serving(app: App, outcome: StageOutcome, world: World) -> Report | None:
    """The newest report of the revision in service: of this pass where it was wholly judged, else the one kept."""
    if outcome.deployed is None:
        return None
    if outcome.report is not None and outcome.commit == outcome.deployed.commit and not outcome.partial:
        return outcome.report
    return world.reports.report(app, outcome.stage, outcome.deployed.commit)


def end(found: Object, others: Sequence[Object], world: World) -> None:
    """Where an application that goes did run is shown as stopped, if the forge answers: it holds nothing up.

    Nothing is asked for a manifest that was never valid: its project may be somebody else's.
    """
    project = ""
    try:
        app = manifest.parse(found, world.cluster.organisations(), world.cluster.namespace_organisation)
        project = app.source.project if app.repository else ""
        ended = deployments.at_the_end(app, others)
        if ended.ended:
            world.deployments.record(project, ended)
    except errors.InvalidManifestError:
        return
    except errors.AmcloudError as error:
        world.cluster.emit(found, deployments.left(project, error))
